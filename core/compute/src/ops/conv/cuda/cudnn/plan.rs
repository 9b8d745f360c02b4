//! The description of a convolution for cuDNN.

use super::Stage;
use super::library::{Functions, Opaque, memory};
use crate::device::Precision;
use crate::ops::conv::Geometry;
use crate::{Error, Result};
use cudarc::driver::sys::CUdeviceptr;
use std::ffi::c_int;
use std::ptr::null_mut;

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

/// Whether a stage can be run.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// cuDNN was not asked yet.
    NotYet,
    /// It can be run, with this many bytes of workspace.
    Bytes(usize),
    /// It has no kernel, or failed.
    Never,
}

/// Descriptors, and cuDNN's answer for each stage.
pub(super) struct Plan {
    input: Opaque,
    output: Opaque,
    weight: Opaque,
    convolution: Opaque,
    stages: [Asked; 3],
}

/// A plan with no stage that can be run.
impl Default for Plan {
    fn default() -> Self {
        let none = null_mut();
        Self { input: none, output: none, weight: none, convolution: none, stages: [Asked::Never; 3] }
    }
}

impl Plan {
    pub(super) fn new(library: &Functions, g: &Geometry, precision: Precision) -> Result<Self> {
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
            let mut made = null_mut();
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
        Ok(Self { input, output, weight, convolution, stages: [Asked::NotYet; 3] })
    }

    /// Descriptors of a stage's two operands and its result, in the order in which cuDNN takes them.
    fn sides(&self, stage: Stage) -> [Opaque; 3] {
        match stage {
            Stage::Forward => [self.input, self.weight, self.output],
            Stage::Outer => [self.input, self.output, self.weight],
            Stage::Feedback => [self.weight, self.output, self.input],
        }
    }

    /// Bytes of workspace that a stage needs, if it can be run.
    ///
    /// # Errors
    /// At the first call, if it cannot be run; the error gives the reason.
    pub(super) fn workspace(&mut self, library: &Functions, stage: Stage) -> Result<Option<usize>> {
        match self.stages[stage as usize] {
            Asked::Bytes(bytes) => return Ok(Some(bytes)),
            Asked::Never => return Ok(None),
            Asked::NotYet => self.give_up(stage),
        }
        let [a, b, result] = self.sides(stage);
        let mut bytes = 0;
        let ask = library.workspace[stage as usize];
        // SAFETY: the descriptors are in the order that `sides` documents.
        let status = unsafe { ask(library.handle, a, b, self.convolution, result, ALGORITHM, &mut bytes) };
        library.check("its workspace", status)?;
        self.stages[stage as usize] = Asked::Bytes(bytes);
        Ok(Some(bytes))
    }

    /// From now on the stage cannot be run.
    pub(super) fn give_up(&mut self, stage: Stage) {
        self.stages[stage as usize] = Asked::Never;
    }

    /// Queues a stage. With `add`, its result is added to the values in its memory.
    ///
    /// # Safety
    /// Operands and result must have the lengths and values that the descriptors say, and the workspace its bytes.
    pub(super) unsafe fn run(
        &self,
        library: &Functions,
        stage: Stage,
        from: [CUdeviceptr; 2],
        (workspace, bytes): (CUdeviceptr, usize),
        to: CUdeviceptr,
        add: bool,
    ) -> Result<()> {
        let [a, b, result] = self.sides(stage);
        let (one, kept) = (1.0f32, if add { 1.0f32 } else { 0.0 });
        // SAFETY: as the caller promises; both factors are live `f32`, as the compute type asks for.
        let status = unsafe {
            (library.run[stage as usize])(
                library.handle,
                (&raw const one).cast(),
                a,
                memory(from[0]),
                b,
                memory(from[1]),
                self.convolution,
                ALGORITHM,
                memory(workspace),
                bytes,
                (&raw const kept).cast(),
                result,
                memory(to),
            )
        };
        library.check("a run", status)
    }
}
