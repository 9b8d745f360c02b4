//! Elementwise work of a GRU on CUDA: the same functions as on the CPU. Gate order in rows of 3·hidden: r, q, n;
//! saved rows of 4·hidden: r, q, n and m = W_hn h + b_hn.

use super::Sizes;
use crate::device::cuda::{Kernels, Launch, size};
use crate::device::{Buffer, Device};
use crate::error::{Error, Result};

static KERNELS: Kernels = Kernels {
    name: "plasticity_gru",
    source: concat!(include_str!("../thread.cuh"), include_str!("kernel.cu")),
    functions: &["take_step", "gru_forward", "gru_backward", "gru_direct", "gru_advance", "gru_learn"],
};

/// `struct Sizes` of `kernel.cu`.
fn sizes(sizes: Sizes) -> Result<[u32; 4]> {
    Ok([size(sizes.samples)?, size(sizes.steps)?, size(sizes.inputs)?, size(sizes.hidden)?])
}

fn call<'a>(device: &'a Device, name: &'static str) -> Result<Launch<'a>> {
    Launch::new(device, &KERNELS, name)
}

/// Checks that every buffer has at least as many values as its pass needs.
fn fits(buffers: &[(&Buffer, usize)]) -> Result<()> {
    match buffers.iter().find(|(buffer, len)| buffer.len() < *len) {
        Some((buffer, len)) => {
            Err(Error::shape("gru", format!("expected {len} values, got {}", buffer.len())))
        }
        None => Ok(()),
    }
}

/// Time step `t` of a map `[samples, steps, width]` as a matrix `[samples, width]`.
pub fn take_step(map: &Buffer, steps: usize, width: usize, t: usize) -> Result<Buffer> {
    let count = map.len() / steps.max(1);
    let mut step = Buffer::unset(map.device(), count)?;
    let launch = call(map.device(), "take_step")?
        .pointer(map.pointer()?)
        .pointer(step.pointer_mut()?)
        .value(size(steps)?)
        .value(size(width)?)
        .value(size(t)?)
        .value(count as u64);
    // SAFETY: (map, to, steps, width, t, count), one value of the step a thread.
    unsafe { launch.each(count)? };
    Ok(step)
}

/// One step forward: `h` becomes h', which is also written to step `t` of `post`. Gates are written to `saved` if it
/// is given.
///
/// `from_input` `[samples, steps, 3·hidden]` and `from_hidden` `[samples, 3·hidden]` are products without biases.
#[allow(clippy::too_many_arguments)] // The signature of a kernel: its operands.
pub fn forward(
    s: Sizes,
    t: usize,
    from_input: &Buffer,
    from_hidden: &Buffer,
    biases: [&Buffer; 2],
    h: &mut Buffer,
    post: &mut Buffer,
    saved: Option<&mut Buffer>,
) -> Result<()> {
    let (neurons, rows) = (s.samples * s.hidden, s.samples * s.steps * s.hidden);
    fits(&[(from_input, 3 * rows), (from_hidden, 3 * neurons), (h, neurons), (post, rows)])?;
    fits(&[(biases[0], 3 * s.hidden), (biases[1], 3 * s.hidden)])?;
    let saved = match saved {
        Some(saved) => {
            fits(&[(saved, 4 * rows)])?;
            saved.pointer_mut()?
        }
        None => 0,
    };
    let device = from_input.device();
    let launch = call(device, "gru_forward")?
        .value(sizes(s)?)
        .value(size(t)?)
        .pointer(from_input.pointer()?)
        .pointer(from_hidden.pointer()?)
        .pointer(biases[0].pointer()?)
        .pointer(biases[1].pointer()?)
        .pointer(h.pointer_mut()?)
        .pointer(post.pointer_mut()?)
        .pointer(saved);
    // SAFETY: the arguments are those of `gru_forward` in kernel.cu; lengths were checked.
    unsafe { launch.each(neurons) }
}

/// One step back. Adds step `t` of `factor` to `carry` (the factor from later steps). Writes the post factors of the
/// summed inputs to step `t` of `at_input` and `at_hidden`; the latter are also written to `step`, as a matrix.
/// Afterwards, `carry` holds the factor that the leak carries to the previous step.
#[allow(clippy::too_many_arguments)] // The signature of a kernel: its operands.
pub fn backward(
    s: Sizes,
    t: usize,
    saved: &Buffer,
    post: &Buffer,
    factor: &Buffer,
    carry: &mut Buffer,
    at_input: &mut Buffer,
    at_hidden: &mut Buffer,
    step: &mut Buffer,
) -> Result<()> {
    let (neurons, rows) = (s.samples * s.hidden, s.samples * s.steps * s.hidden);
    fits(&[(saved, 4 * rows), (post, rows), (factor, rows), (carry, neurons), (step, 3 * neurons)])?;
    fits(&[(at_input, 3 * rows), (at_hidden, 3 * rows)])?;
    let device = saved.device();
    let launch = call(device, "gru_backward")?
        .value(sizes(s)?)
        .value(size(t)?)
        .pointer(saved.pointer()?)
        .pointer(post.pointer()?)
        .pointer(factor.pointer()?)
        .pointer(carry.pointer_mut()?)
        .pointer(at_input.pointer_mut()?)
        .pointer(at_hidden.pointer_mut()?)
        .pointer(step.pointer_mut()?);
    // SAFETY: the arguments are those of `gru_backward` in kernel.cu; lengths were checked.
    unsafe { launch.each(neurons) }
}

/// The effect of one step on eligibility traces: the leak q `[samples, hidden]`, and ∂h'/∂(summed input) through
/// input and recurrent synapses, each `[samples, 3·hidden]`.
pub struct Direct {
    leak: Buffer,
    at_input: Buffer,
    at_hidden: Buffer,
}

impl Direct {
    /// Advances `h` by one step and returns only the effect of this step on the traces.
    pub fn step(
        s: Sizes,
        from_input: &Buffer,
        from_hidden: &Buffer,
        biases: [&Buffer; 2],
        h: &mut Buffer,
    ) -> Result<Self> {
        let neurons = s.samples * s.hidden;
        fits(&[(from_input, 3 * neurons), (from_hidden, 3 * neurons), (h, neurons)])?;
        fits(&[(biases[0], 3 * s.hidden), (biases[1], 3 * s.hidden)])?;
        let device = from_input.device();
        let mut made = Self {
            leak: Buffer::unset(device, neurons)?,
            at_input: Buffer::unset(device, 3 * neurons)?,
            at_hidden: Buffer::unset(device, 3 * neurons)?,
        };
        let launch = call(device, "gru_direct")?
            .value(sizes(s)?)
            .pointer(from_input.pointer()?)
            .pointer(from_hidden.pointer()?)
            .pointer(biases[0].pointer()?)
            .pointer(biases[1].pointer()?)
            .pointer(h.pointer_mut()?)
            .pointer(made.leak.pointer_mut()?)
            .pointer(made.at_input.pointer_mut()?)
            .pointer(made.at_hidden.pointer_mut()?);
        // SAFETY: the arguments are those of `gru_direct` in kernel.cu; lengths were checked.
        unsafe { launch.each(neurons)? };
        Ok(made)
    }
}

/// ε ← q ⊙ ε + ∂h'/∂a · pre for every synapse. `traces` is `[3·hidden, samples, width]`; `pre` `[samples, width]`,
/// or `None` for a bias (width 1, pre 1). `recurrent`: the synapses are those of W_hh.
pub fn advance(
    s: Sizes,
    direct: &Direct,
    recurrent: bool,
    pre: Option<&Buffer>,
    traces: &mut Buffer,
) -> Result<()> {
    let (count, rows) = (traces.len(), 3 * s.hidden * s.samples);
    let width = count / rows.max(1);
    if let Some(pre) = pre {
        fits(&[(pre, s.samples * width)])?;
    }
    let gains = if recurrent { &direct.at_hidden } else { &direct.at_input };
    let device = traces.device().clone();
    let launch = call(&device, "gru_advance")?
        .value(sizes(s)?)
        .pointer(direct.leak.pointer()?)
        .pointer(gains.pointer()?)
        .pointer(pre.map_or(Ok(0), Buffer::pointer)?)
        .pointer(traces.pointer_mut()?)
        .value(size(width)?)
        .value((rows * width) as u64);
    // SAFETY: the arguments are those of `gru_advance` in kernel.cu; lengths were checked.
    unsafe { launch.each(rows * width) }
}

/// ΔW += Σ over samples of signal ⊙ ε. `signal` is `[samples, hidden]`; `update` `[3·hidden, width]`.
pub fn learn(s: Sizes, signal: &Buffer, traces: &Buffer, update: &mut Buffer) -> Result<()> {
    let width = update.len() / (3 * s.hidden).max(1);
    let count = 3 * s.hidden * width;
    fits(&[(signal, s.samples * s.hidden), (traces, count * s.samples)])?;
    let device = signal.device();
    let launch = call(device, "gru_learn")?
        .value(sizes(s)?)
        .pointer(signal.pointer()?)
        .pointer(traces.pointer()?)
        .pointer(update.pointer_mut()?)
        .value(size(width)?)
        .value(count as u64);
    // SAFETY: the arguments are those of `gru_learn` in kernel.cu; lengths were checked.
    unsafe { launch.each(count) }
}
