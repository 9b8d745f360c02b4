use {crate_name} as _;
use std::process::ExitCode;
fn main() -> ExitCode { plasticity::run() }
