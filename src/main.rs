//! The command: arguments in, exit code out; all the rest is the library.

fn main() {}
