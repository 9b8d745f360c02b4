//! The conditions for resuming a run: everything that later steps depend on is in the parameters,
//! which are saved; and passes without learning do not change parameters.

use super::Found;
use super::compare::same;
use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::parameter::Parameter;

/// The values of parameters, as a checkpoint keeps them.
///
/// # Errors
/// If a copy from the device fails.
pub fn values(parameters: Vec<&mut Parameter>) -> Result<Vec<Vec<f32>>> {
    parameters.into_iter().map(|parameter| parameter.get()).collect()
}

/// Gives one plugin the parameters of another, as a checkpoint does.
///
/// # Errors
/// If they do not fit.
pub fn copy(from: Vec<&mut Parameter>, to: Vec<&mut Parameter>) -> Result<()> {
    from.into_iter().zip(to).try_for_each(|(from, to)| to.set(&from.get()?))
}

/// Records a failure if the next step of a plugin differs from the next step of a twin with the same parameters.
///
/// # Errors
/// If a copy from the device fails.
pub fn compare(found: &mut Found, next: &[&Buffer], of_twin: &[&Buffer]) -> Result<()> {
    for (next, of_twin) in next.iter().zip(of_twin) {
        if !same(next, of_twin)? {
            found.add(
                "differs after resuming: keep all state that its steps depend on in parameters, with \
                 `Parameter::fixed` for state that does not learn",
            );
            break;
        }
    }
    Ok(())
}
