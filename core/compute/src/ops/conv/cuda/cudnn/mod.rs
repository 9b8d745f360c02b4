//! Convolutions by cuDNN's implicit matrix products, on channels-last maps.
//!
//! The algorithms are fixed, and their sums do not depend on timing, so the bits of a run repeat. cuDNN does not
//! search for the fastest algorithm. If it cannot compute something, or fails once, the other implementations do it.

mod library;
mod plan;

use crate::device::{Buffer, Device, Precision};
use crate::ops::conv::Geometry;
use crate::{Error, Result};
use cudarc::driver::sys::CUdeviceptr;
use library::Functions;
use plan::Plan;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The largest number of values of a map for cuDNN: its older interface counts them in 32 bits.
const MOST: usize = i32::MAX as usize;

/// The environment variable that disables cuDNN: `off`.
const SWITCH: &str = "PLASTICITY_CUDNN";

/// The three stages, in the order of [`Functions`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Forward = 0,
    Outer = 1,
    Feedback = 2,
}

/// cuDNN, and the convolutions that were requested so far.
struct Cudnn {
    functions: Functions,
    plans: Vec<(Geometry, Precision, Plan)>,
}

// SAFETY: function pointers, a handle and descriptors. Any thread may use them, but only one at a time; the lock
// around them ensures this.
unsafe impl Send for Cudnn {}

/// cuDNN, if it is available; the lock protects its handle. If it is missing, a warning is printed once.
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
/// post factor the feedback. The result has the type of maps at the device's precision.
///
/// `None` if cuDNN is not available or has no kernel for it. cuDNN is used for images (or videos whose kernel has
/// one step in time) whose channels fill the lanes of tensor cores. Maps of more than 2³¹ − 1 values are processed
/// in parts. If a call fails, a warning is printed once, and this stage of this convolution is not tried again.
pub(super) fn run(stage: Stage, g: &Geometry, a: &Buffer, b: &Buffer) -> Result<Option<Buffer>> {
    run_in_parts(stage, g, a, b, MOST)
}

/// [`run`] with maps of at most `most` values at a time.
fn run_in_parts(stage: Stage, g: &Geometry, a: &Buffer, b: &Buffer, most: usize) -> Result<Option<Buffer>> {
    let device = a.device();
    let still = g.kernel[0] == 1 && g.stride[0] == 1 && g.padding[0] == 0;
    let samples = g.samples_within(most);
    if !still || !g.in_channels.is_multiple_of(8) || !g.out_channels.is_multiple_of(8) || samples == 0 {
        return Ok(None);
    }
    let Ok(cudnn) = cudnn(device) else { return Ok(None) };
    let values = device.values();
    let from = [a.pointer_as(values)?, b.pointer_as(values)?];
    // Values of one sample in the two operands and in the result.
    let (steps, len) = match stage {
        Stage::Forward => ([g.input_len(), 0, g.output_len()], g.samples * g.output_len()),
        Stage::Outer => ([g.input_len(), g.output_len(), 0], g.weights()),
        Stage::Feedback => ([0, g.output_len(), g.input_len()], g.samples * g.input_len()),
    };
    let out = Buffer::unset_as(device, len, values)?;
    let to = out.pointer_as(values)?;
    device.bind()?;
    let mut cudnn = cudnn.lock().unwrap_or_else(PoisonError::into_inner);
    for first in (0..g.samples).step_by(samples) {
        let part = Geometry { samples: samples.min(g.samples - first), ..*g };
        let [a, b, to] = [(from[0], steps[0]), (from[1], steps[1]), (to, steps[2])]
            .map(|(start, step)| start + (first * step) as u64 * values.bytes());
        let add = first > 0 && matches!(stage, Stage::Outer);
        // SAFETY: operands and result have the lengths of `g`, as callers check, and so of this part of it from its
        // first sample on; their values are those of the device's precision.
        if !unsafe { cudnn.run(stage, &part, device, [a, b], to, add) } {
            return Ok(None);
        }
    }
    Ok(Some(out))
}

impl Cudnn {
    /// Queues a stage; returns whether this succeeded.
    ///
    /// # Safety
    /// As for [`Plan::run`], with values of the device's precision.
    unsafe fn run(
        &mut self,
        stage: Stage,
        g: &Geometry,
        device: &Device,
        from: [CUdeviceptr; 2],
        to: CUdeviceptr,
        add: bool,
    ) -> bool {
        let Self { functions, plans } = self;
        let precision = device.precision();
        let refused = |error| {
            tracing::warn!(
                "cuDNN, {stage:?} of {g:?} at {precision}, {error}: patches and cuBLAS take its place"
            );
        };
        let known = plans.iter().position(|(of, at, _)| (of, *at) == (g, precision));
        let known = known.unwrap_or_else(|| {
            // If cuDNN refuses the description, it has no kernels for it.
            let plan = Plan::new(functions, g, precision).map_err(refused).unwrap_or_default();
            plans.push((*g, precision, plan));
            plans.len() - 1
        });
        let plan = &mut plans[known].2;
        let asked = plan.workspace(functions, stage).map_err(refused);
        let Ok(Some(bytes)) = asked else { return false };
        let done = Buffer::unset(device, bytes.div_ceil(4)).and_then(|workspace| {
            let workspace = (workspace.pointer()?, bytes);
            // SAFETY: as the caller promises; the workspace has the size that cuDNN requires.
            unsafe { plan.run(functions, stage, from, workspace, to, add) }
        });
        if let Err(error) = done {
            refused(error);
            plan.give_up(stage);
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;

    #[test]
    fn maps_in_parts_give_what_whole_maps_give() {
        let device = Device::open().unwrap();
        device.set_precision(Precision::F32).unwrap();
        let [input, kernel, stride, padding] = [[1, 5, 4], [1, 3, 3], [1; 3], [0, 1, 1]];
        let g = Geometry { samples: 5, input, in_channels: 8, out_channels: 16, kernel, stride, padding };
        let buffer = |len: usize, seed: usize| {
            let values = (0..len).map(|i| ((i * 31 + seed) % 17) as f32 / 8.0 - 1.0).collect();
            Buffer::from_vec(&device, values).unwrap()
        };
        let [x, w, y] = [5 * g.input_len(), g.weights(), 5 * g.output_len()];
        let stages = [
            (Stage::Forward, buffer(x, 1), buffer(w, 2)),
            (Stage::Outer, buffer(x, 1), buffer(y, 3)),
            (Stage::Feedback, buffer(w, 2), buffer(y, 3)),
        ];
        for (stage, a, b) in stages {
            let of = |most| run_in_parts(stage, &g, &a, &b, most).unwrap().map(|out| out.to_vec().unwrap());
            let Some(whole) = of(MOST) else { continue };
            let parts = of(2 * g.output_len()).unwrap();
            assert_eq!(parts.len(), whole.len());
            for (part, whole) in parts.iter().zip(&whole) {
                assert!((part - whole).abs() <= 1e-4 * whole.abs().max(1.0), "{stage:?}: {part}, {whole}");
            }
            assert!(of(g.output_len() - 1).is_none(), "one sample has more values");
        }
    }
}
