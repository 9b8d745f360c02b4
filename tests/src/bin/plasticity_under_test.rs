//! The program as a user's own crate builds it: what the tests of the command line run.

fn main() -> std::process::ExitCode {
    plasticity::run()
}
