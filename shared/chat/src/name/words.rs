//! Words for the names of users who have none: friendly, short, and no insult in any pair.

/// Adjectives.
pub(super) const ADJECTIVES: [&str; 72] = [
    "agile", "amber", "ample", "azure", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid",
    "cheery", "clever", "coral", "cosmic", "cozy", "crisp", "curious", "daring", "dapper", "deft", "eager",
    "early", "fair", "fearless", "festive", "fond", "frosty", "gentle", "glad", "golden", "grand", "happy",
    "hardy", "honest", "humble", "jolly", "jovial", "keen", "kind", "lively", "lucky", "lunar", "mellow",
    "merry", "mighty", "mint", "misty", "modest", "neat", "nimble", "noble", "patient", "placid", "plucky",
    "polite", "proud", "quick", "quiet", "ready", "rosy", "serene", "silver", "snappy", "solar", "sunny",
    "swift", "tidy", "vivid", "warm", "witty", "zesty",
];

/// Nouns.
pub(super) const NOUNS: [&str; 72] = [
    "acorn", "alder", "badger", "beacon", "beaver", "birch", "bison", "breeze", "brook", "canyon", "cedar",
    "cello", "cloud", "clover", "comet", "condor", "cove", "crane", "daisy", "delta", "dolphin", "drum",
    "ember", "falcon", "fern", "finch", "fjord", "flute", "forest", "fox", "gecko", "glacier", "harbor",
    "hazel", "heron", "island", "juniper", "kestrel", "kite", "koala", "lagoon", "lantern", "lark", "lemur",
    "lynx", "maple", "marble", "meadow", "meteor", "narwhal", "nebula", "ocean", "orbit", "otter", "owl",
    "panda", "pebble", "pine", "planet", "prairie", "puffin", "quartz", "raven", "reef", "river", "robin",
    "sparrow", "summit", "tulip", "valley", "walrus", "willow",
];
