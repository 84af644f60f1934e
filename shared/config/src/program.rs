//! The program whose configuration is read, for its help.

/// The program that is configured, for help and version.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Name of the executable.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its purpose, in a sentence without a full stop.
    pub about: &'static str,
    /// Its other commands.
    pub commands: &'static [Command],
}

/// Something that a program does when the command line begins with its name.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name: the first argument.
    pub name: &'static str,
    /// The argument, as in a usage line.
    pub arguments: &'static str,
    /// Its effect, in sentences.
    pub about: &'static str,
}
