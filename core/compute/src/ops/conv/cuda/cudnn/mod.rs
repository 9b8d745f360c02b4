//! Convolutions by cuDNN's implicit matrix products, on channels-last maps.
//!
//! The algorithms are fixed ones whose sums do not depend on timing, so that a run's bits repeat; cuDNN is not asked
//! to try which is fastest. What it cannot do, or fails to do once, is left to the other ways.

mod library;
mod plan;

use crate::device::{Buffer, Device, Precision};
use crate::ops::conv::Geometry;
use crate::{Error, Result};
use library::Functions;
use plan::Plan;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The environment variable that keeps cuDNN from being used: `off`.
const SWITCH: &str = "PLASTICITY_CUDNN";

/// The three stages, as they stand in [`Functions`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Forward = 0,
    Outer = 1,
    Feedback = 2,
}

/// cuDNN, and the convolutions that it was asked for so far.
struct Cudnn {
    functions: Functions,
    plans: Vec<(Geometry, Precision, Plan)>,
}

// SAFETY: function pointers, a handle and descriptors, which any thread may use, one at a time; the lock that they
// stand behind sees to that.
unsafe impl Send for Cudnn {}

/// cuDNN, if it is at hand; the lock is that of its handle. Where it is missing, that is said once.
fn cudnn(device: &Device) -> &'static Result<Mutex<Cudnn>> {
    static CUDNN: OnceLock<Result<Mutex<Cudnn>>> = OnceLock::new();
    CUDNN.get_or_init(|| {
        if std::env::var(SWITCH).is_ok_and(|value| value == "off") {
            return Err(Error::Device(format!("{SWITCH} is off")));
        }
        let opened = library::open(device);
        if let Err(error) = &opened {
            tracing::warn!("no cuDNN ({error}): convolutions use patches and cuBLAS, which is slower");
        }
        opened.map(|functions| Mutex::new(Cudnn { functions, plans: Vec::new() }))
    })
}

/// cuDNN's version, or why it is not used: for reports.
pub(super) fn describe(device: &Device) -> String {
    match cudnn(device) {
        Ok(cudnn) => {
            let cudnn = cudnn.lock().unwrap_or_else(PoisonError::into_inner);
            format!("cuDNN {}", cudnn.functions.version())
        }
        Err(error) => format!("no cuDNN ({error})"),
    }
}

/// A stage of a convolution: input and weights give the output, input and post factor the outer product, weights and
/// post factor the feedback; the result as the device's precision has maps.
///
/// `None` where cuDNN is not at hand or has no kernel for it. It is asked for images (or videos whose kernel has one
/// step in time), with channels that fill the lanes of tensor cores. Where a call fails, that is said once, and the
/// stage of this convolution is never tried again.
pub(super) fn run(stage: Stage, g: &Geometry, a: &Buffer, b: &Buffer) -> Result<Option<Buffer>> {
    let device = a.device();
    let still = g.kernel[0] == 1 && g.stride[0] == 1 && g.padding[0] == 0;
    if !still || !g.in_channels.is_multiple_of(8) || !g.out_channels.is_multiple_of(8) {
        return Ok(None);
    }
    let Ok(cudnn) = cudnn(device) else { return Ok(None) };
    let values = device.values();
    let from = [a.pointer_as(values)?, b.pointer_as(values)?];
    device.bind()?;
    let mut cudnn = cudnn.lock().unwrap_or_else(PoisonError::into_inner);
    let Cudnn { functions, plans } = &mut *cudnn;
    let precision = device.precision();
    let refused = |error| {
        tracing::warn!("cuDNN, {stage:?} of {g:?} at {precision}, {error}: using patches and cuBLAS");
    };
    let known = plans.iter().position(|(of, at, _)| (of, *at) == (g, precision));
    let known = known.unwrap_or_else(|| {
        // What it does not even take the description of, it has no kernels for.
        let plan = Plan::new(functions, g, precision).map_err(refused).unwrap_or_default();
        plans.push((*g, precision, plan));
        plans.len() - 1
    });
    let plan = &mut plans[known].2;
    let asked = plan.workspace(functions, stage).map_err(refused);
    let Ok(Some(bytes)) = asked else { return Ok(None) };
    let len = match stage {
        Stage::Forward => g.samples * g.output_len(),
        Stage::Outer => g.weights(),
        Stage::Feedback => g.samples * g.input_len(),
    };
    let out = Buffer::unset_as(device, len, values)?;
    let to = out.pointer_as(values)?;
    let done = Buffer::unset(device, bytes.div_ceil(4)).and_then(|workspace| {
        let workspace = (workspace.pointer()?, bytes);
        // SAFETY: the lengths of operands and result are those of `g`, as callers check, and their values are
        // those of the device's precision; the workspace is as long as cuDNN asked for.
        unsafe { plan.run(functions, stage, from, workspace, to) }
    });
    if let Err(error) = done {
        refused(error);
        plan.give_up(stage);
        return Ok(None);
    }
    Ok(Some(out))
}
