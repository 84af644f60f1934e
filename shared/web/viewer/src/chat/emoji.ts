/** Emoji by name: Unicode's most used, and the server's own. Names are those that chats have in common. */
import { ask } from "../nearest";

/** An emoji: its name, without colons, and either its character or the address of its picture. */
export interface Emoji {
  readonly name: string;
  /** The character; none of a picture. */
  readonly char?: string;
  readonly url?: string;
}

/** A group of Unicode's emoji in the picker. */
export type Group = "faces" | "people" | "nature" | "food" | "things" | "signs";

const CHARACTERS: Readonly<Record<Group, string>> = {
  faces:
    "grinning 😀 smiley 😃 smile 😄 grin 😁 laughing 😆 sweat_smile 😅 rofl 🤣 joy 😂 slightly_smiling 🙂 upside_down 🙃 wink 😉 " +
    "blush 😊 innocent 😇 heart_eyes 😍 star_struck 🤩 kissing_heart 😘 yum 😋 stuck_out_tongue 😛 zany 🤪 money_mouth 🤑 hugs 🤗 " +
    "shushing 🤫 thinking 🤔 zipper_mouth 🤐 raised_eyebrow 🤨 neutral 😐 expressionless 😑 smirk 😏 unamused 😒 roll_eyes 🙄 " +
    "grimacing 😬 relieved 😌 pensive 😔 sleepy 😪 drooling 🤤 sleeping 😴 mask 😷 sick 🤢 sneezing 🤧 hot 🥵 cold 🥶 dizzy_face 😵 " +
    "exploding_head 🤯 cowboy 🤠 partying 🥳 sunglasses 😎 nerd 🤓 monocle 🧐 confused 😕 worried 😟 frowning 🙁 open_mouth 😮 " +
    "astonished 😲 flushed 😳 pleading 🥺 fearful 😨 cry 😢 sob 😭 scream 😱 weary 😩 yawning 🥱 triumph 😤 rage 😡 angry 😠 " +
    "smiling_imp 😈 skull 💀 clown 🤡 ghost 👻 alien 👽 robot 🤖 melting 🫠 saluting 🫡",
  people:
    "wave 👋 raised_hand ✋ vulcan 🖖 ok_hand 👌 pinch 🤏 v ✌️ crossed_fingers 🤞 love_you 🤟 metal 🤘 call_me 🤙 point_left 👈 " +
    "point_right 👉 point_up 👆 point_down 👇 thumbsup 👍 thumbsdown 👎 fist ✊ punch 👊 clap 👏 raised_hands 🙌 open_hands 👐 " +
    "handshake 🤝 pray 🙏 writing ✍️ muscle 💪 brain 🧠 eyes 👀 eye 👁️ tongue 👅 lips 👄 baby 👶 person 🧑 man 👨 woman 👩 " +
    "facepalm 🤦 shrug 🤷 dancer 💃 dancing 🕺 people_holding_hands 🧑‍🤝‍🧑 ninja 🥷 mage 🧙 zombie 🧟",
  nature:
    "dog 🐶 cat 🐱 mouse 🐭 hamster 🐹 rabbit 🐰 fox 🦊 bear 🐻 panda 🐼 koala 🐨 tiger 🐯 lion 🦁 cow 🐮 pig 🐷 frog 🐸 monkey 🐵 " +
    "see_no_evil 🙈 hear_no_evil 🙉 speak_no_evil 🙊 chicken 🐔 penguin 🐧 bird 🐦 duck 🦆 owl 🦉 wolf 🐺 horse 🐴 unicorn 🦄 bee 🐝 " +
    "butterfly 🦋 snail 🐌 turtle 🐢 snake 🐍 dragon 🐉 octopus 🐙 crab 🦀 fish 🐟 dolphin 🐬 whale 🐳 shark 🦈 sloth 🦥 goat 🐐 " +
    "cactus 🌵 tree 🌳 palm 🌴 seedling 🌱 four_leaf 🍀 mushroom 🍄 tulip 🌷 rose 🌹 sunflower 🌻 cherry_blossom 🌸 sun ☀️ moon 🌙 " +
    "star ⭐ rainbow 🌈 cloud ☁️ rain 🌧️ snowflake ❄️ snowman ⛄ zap ⚡ fire 🔥 ocean 🌊 earth 🌍",
  food:
    "apple 🍎 banana 🍌 grapes 🍇 strawberry 🍓 peach 🍑 pineapple 🍍 avocado 🥑 tomato 🍅 carrot 🥕 corn 🌽 hot_pepper 🌶️ bread 🍞 " +
    "croissant 🥐 cheese 🧀 egg 🍳 pancakes 🥞 bacon 🥓 burger 🍔 fries 🍟 pizza 🍕 hotdog 🌭 taco 🌮 burrito 🌯 salad 🥗 popcorn 🍿 " +
    "sushi 🍣 ramen 🍜 rice 🍚 dumpling 🥟 ice_cream 🍦 doughnut 🍩 cookie 🍪 cake 🍰 birthday 🎂 chocolate 🍫 candy 🍬 coffee ☕ " +
    "tea 🍵 beer 🍺 beers 🍻 clinking 🥂 wine 🍷 cocktail 🍸 tropical_drink 🍹 champagne 🍾 milk 🥛",
  things:
    "soccer ⚽ basketball 🏀 football 🏈 tennis 🎾 trophy 🏆 medal 🥇 dart 🎯 game 🎮 dice 🎲 puzzle 🧩 art 🎨 microphone 🎤 " +
    "headphones 🎧 guitar 🎸 piano 🎹 drum 🥁 violin 🎻 musical_note 🎵 notes 🎶 clapper 🎬 tada 🎉 confetti 🎊 balloon 🎈 gift 🎁 " +
    "rocket 🚀 airplane ✈️ car 🚗 bike 🚲 train 🚆 ship 🚢 house 🏠 tent ⛺ camera 📷 video_camera 📹 tv 📺 radio 📻 phone 📱 " +
    "computer 💻 keyboard ⌨️ bulb 💡 book 📖 pencil ✏️ paperclip 📎 lock 🔒 key 🔑 hammer 🔨 wrench 🔧 gear ⚙️ magnet 🧲 " +
    "microscope 🔬 telescope 🔭 pill 💊 money 💰 crown 👑 gem 💎 ring 💍 glasses 👓 hourglass ⏳ alarm ⏰ bell 🔔 loudspeaker 📢",
  signs:
    "heart ❤️ orange_heart 🧡 yellow_heart 💛 green_heart 💚 blue_heart 💙 purple_heart 💜 black_heart 🖤 white_heart 🤍 " +
    "broken_heart 💔 two_hearts 💕 sparkling_heart 💖 hundred 💯 sparkles ✨ boom 💥 sweat_drops 💦 dash 💨 zzz 💤 speech 💬 " +
    "thought 💭 check ✅ cross ❌ question ❓ exclamation ❗ warning ⚠️ no_entry ⛔ red_circle 🔴 green_circle 🟢 blue_circle 🔵 " +
    "arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ infinity ♾️ recycle ♻️ peace ☮️ white_flag 🏳️ rainbow_flag 🏳️‍🌈 pirate_flag 🏴‍☠️",
};

function parsed(text: string): Emoji[] {
  const words = text.split(" ");
  return words.flatMap((name, index) => {
    const char = words[index + 1];
    return index % 2 === 0 && char !== undefined ? [{ name, char }] : [];
  });
}

/** Unicode's emoji by group, in the order of the picker. */
export const UNICODE: readonly (readonly [Group, readonly Emoji[]])[] = (
  Object.entries(CHARACTERS) as [Group, string][]
).map(([group, text]) => [group, parsed(text)]);

const ALL: readonly Emoji[] = UNICODE.flatMap(([, emoji]) => emoji);

/** The server's own. */
export async function loadOwn(): Promise<readonly Emoji[]> {
  const list = await ask("/api/emoji");
  return list.map(({ name, url }) => ({ name, url }));
}

/** Those whose name has `wanted`: first where it begins with it, the server's own before Unicode's. */
export function search(wanted: string, own: readonly Emoji[]): Emoji[] {
  const word = wanted.toLowerCase();
  const found = [...own, ...ALL].filter(({ name }) => name.toLowerCase().includes(word));
  const rank = ({ name }: Emoji): number => (name.toLowerCase().startsWith(word) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** What is written for an emoji: the character, or the name of one of the server's, which the server replaces. */
export function written({ name, char }: Emoji): string {
  return char ?? `:${name}:`;
}
