use my_plugins as _;
use std::process::ExitCode;
fn main() -> ExitCode { plasticity::run() }
