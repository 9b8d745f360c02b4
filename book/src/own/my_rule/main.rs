use my_rule as _;
use std::process::ExitCode;
fn main() -> ExitCode { plasticity::run() }
