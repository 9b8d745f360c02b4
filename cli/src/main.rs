//! The program: see [`plasticity::run`].

fn main() -> std::process::ExitCode {
    plasticity::run()
}
