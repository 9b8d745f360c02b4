//! Convolutions by cuDNN's implicit matrix products, on channels-last maps.
//!
//! The algorithms are fixed ones whose sums do not depend on timing, so that a run's bits repeat; cuDNN is not asked
//! to try which is fastest.

mod library;

use crate::kernels::Geometry;
use library::{Functions, Opaque, functions, memory};
use plasticity_core::device::cuda::Values;
use plasticity_core::device::{Buffer, Device, Precision};
use plasticity_core::{Error, Result};
use std::ffi::c_int;
use std::sync::{Arc, Mutex, PoisonError};

const CHANNELS_LAST: c_int = 1;
const FLOAT: c_int = 0;
const BFLOAT16: c_int = 9;
const CROSS_CORRELATION: c_int = 1;
/// TF32 is allowed on `f32`.
const DEFAULT_MATH: c_int = 0;
const TENSOR_MATH: c_int = 1;
/// No tensor cores.
const FMA_MATH: c_int = 3;
/// `IMPLICIT_PRECOMP_GEMM`, and `ALGO_1` of the two backward directions: all three are deterministic.
const ALGORITHM: c_int = 1;

/// The three stages, as they stand in [`Functions`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Forward = 0,
    Outer = 1,
    Feedback = 2,
}

/// A convolution as cuDNN describes it.
pub(super) struct Plan {
    key: (Geometry, Precision),
    library: &'static Functions,
    input: Opaque,
    output: Opaque,
    weight: Opaque,
    convolution: Opaque,
    workspace: [Option<usize>; 3],
}

// SAFETY: descriptors are plain memory that any thread may use; they are not changed once made.
unsafe impl Send for Plan {}
// SAFETY: as above.
unsafe impl Sync for Plan {}

/// The plan for a stage of `g`, if cuDNN is at hand and has a kernel for it: images (or videos whose kernel has one
/// step in time), with channels that fill the lanes of tensor cores.
pub(super) fn plan(g: &Geometry, device: &Device, stage: Stage) -> Result<Option<Arc<Plan>>> {
    static PLANS: Mutex<Vec<Arc<Plan>>> = Mutex::new(Vec::new());
    let still = g.kernel[0] == 1 && g.stride[0] == 1 && g.padding[0] == 0;
    if !still || g.in_channels % 8 != 0 || g.out_channels % 8 != 0 {
        return Ok(None);
    }
    let Some(library) = functions(device) else { return Ok(None) };
    let key = (*g, device.precision());
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(plan) = plans.iter().find(|plan| plan.key == key) {
        return Ok(plan.has(stage).then(|| plan.clone()));
    }
    device.bind()?;
    let plan = Arc::new(Plan::new(key, library)?);
    plans.push(plan.clone());
    Ok(plan.has(stage).then_some(plan))
}

impl Plan {
    fn new(key: (Geometry, Precision), library: &'static Functions) -> Result<Self> {
        let (g, precision) = key;
        let (kind, math) = match precision {
            Precision::F32 => (FLOAT, FMA_MATH),
            Precision::Tf32 => (FLOAT, DEFAULT_MATH),
            Precision::Bf16 => (BFLOAT16, TENSOR_MATH),
        };
        let size = |size: usize| {
            c_int::try_from(size)
                .map_err(|_| Error::shape("convolution", format!("an axis of {size} is too long")))
        };
        let images = size(g.samples * g.input[0])?;
        let [_, high, wide] = g.output();
        let create = |create: unsafe extern "C" fn(*mut Opaque) -> c_int| {
            let mut made = std::ptr::null_mut();
            // SAFETY: `made` is a live local.
            library.check("a descriptor", unsafe { create(&mut made) }).map(|()| made)
        };
        let tensor = |channels: usize, high: usize, wide: usize| {
            let made = create(library.create_tensor)?;
            let (channels, high, wide) = (size(channels)?, size(high)?, size(wide)?);
            // SAFETY: `made` is a tensor descriptor.
            let status =
                unsafe { (library.set_tensor)(made, CHANNELS_LAST, kind, images, channels, high, wide) };
            library.check("a map", status).map(|()| made)
        };
        let input = tensor(g.in_channels, g.input[1], g.input[2])?;
        let output = tensor(g.out_channels, high, wide)?;
        let weight = create(library.create_filter)?;
        let [out, into, y, x] =
            [size(g.out_channels)?, size(g.in_channels)?, size(g.kernel[1])?, size(g.kernel[2])?];
        // SAFETY: `weight` is a filter descriptor.
        let status = unsafe { (library.set_filter)(weight, kind, CHANNELS_LAST, out, into, y, x) };
        library.check("the weights", status)?;
        let convolution = create(library.create_convolution)?;
        let [pad_y, pad_x] = [size(g.padding[1])?, size(g.padding[2])?];
        let [step_y, step_x] = [size(g.stride[1])?, size(g.stride[2])?];
        // SAFETY: `convolution` is a convolution descriptor, in both calls.
        let status = unsafe {
            (library.set_convolution)(
                convolution,
                pad_y,
                pad_x,
                step_y,
                step_x,
                1,
                1,
                CROSS_CORRELATION,
                FLOAT,
            )
        };
        library.check("the convolution", status)?;
        // SAFETY: as above.
        library.check("the precision", unsafe { (library.set_math)(convolution, math) })?;
        let mut plan = Self { key, library, input, output, weight, convolution, workspace: [None; 3] };
        for stage in [Stage::Forward, Stage::Outer, Stage::Feedback] {
            plan.workspace[stage as usize] = plan.workspace_of(stage);
        }
        Ok(plan)
    }

    /// Bytes of workspace, `None` where cuDNN has no kernel for this stage.
    fn workspace_of(&self, stage: Stage) -> Option<usize> {
        let [first, second, third, fourth] = match stage {
            Stage::Forward => [self.input, self.weight, self.convolution, self.output],
            Stage::Outer => [self.input, self.output, self.convolution, self.weight],
            Stage::Feedback => [self.weight, self.output, self.convolution, self.input],
        };
        let mut bytes = 0;
        let ask = self.library.workspace[stage as usize];
        // SAFETY: the descriptors stand in the order that this function documents.
        let status = unsafe { ask(self.library.handle, first, second, third, fourth, ALGORITHM, &mut bytes) };
        (status == 0).then_some(bytes)
    }

    fn has(&self, stage: Stage) -> bool {
        self.workspace[stage as usize].is_some()
    }

    fn values(&self) -> Values {
        if self.key.1 == Precision::Bf16 { Values::Half } else { Values::Single }
    }

    fn run(
        &self,
        stage: Stage,
        a: (&Buffer, Opaque),
        b: (&Buffer, Opaque),
        len: usize,
        to: Opaque,
    ) -> Result<Buffer> {
        static RUNNING: Mutex<()> = Mutex::new(());
        let values = self.values();
        let device = a.0.device();
        let bytes = self.workspace[stage as usize]
            .ok_or_else(|| Error::Device(format!("cuDNN has no kernel for {stage:?} of {:?}", self.key)))?;
        let out = Buffer::unset_as(device, len, values)?;
        let workspace = Buffer::unset(device, bytes.div_ceil(4))?;
        let (from_a, from_b) = (a.0.pointer_as(values)?, b.0.pointer_as(values)?);
        let (one, zero) = (1.0f32, 0.0f32);
        device.bind()?;
        let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: operands, result and workspace have the lengths that their descriptors say; both factors are
        // live `f32`, as the compute type asks for.
        let status = unsafe {
            (self.library.run[stage as usize])(
                self.library.handle,
                (&raw const one).cast(),
                a.1,
                memory(from_a),
                b.1,
                memory(from_b),
                self.convolution,
                ALGORITHM,
                memory(workspace.pointer()?),
                bytes,
                (&raw const zero).cast(),
                to,
                memory(out.pointer_as(values)?),
            )
        };
        self.library.check(&format!("{stage:?} of {:?}", self.key), status)?;
        Ok(out)
    }

    /// The convolution's output, without bias.
    pub(super) fn forward(&self, input: &Buffer, weight: &Buffer) -> Result<Buffer> {
        let len = self.key.0.samples * self.key.0.output_len();
        self.run(Stage::Forward, (input, self.input), (weight, self.weight), len, self.output)
    }

    /// The outer product with a post factor at every position of the convolution's output.
    pub(super) fn outer(&self, input: &Buffer, post: &Buffer) -> Result<Buffer> {
        self.run(Stage::Outer, (input, self.input), (post, self.output), self.key.0.weights(), self.weight)
    }

    /// The feedback to the input map from such a post factor.
    pub(super) fn feedback(&self, weight: &Buffer, post: &Buffer) -> Result<Buffer> {
        let len = self.key.0.samples * self.key.0.input_len();
        self.run(Stage::Feedback, (weight, self.weight), (post, self.output), len, self.input)
    }
}
