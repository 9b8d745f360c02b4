fn main() -> std::process::ExitCode {
    plasticity::run()
}
