//! Elementwise work of the GRU on the CPU. Gate order in rows of 3·hidden: r, q, n; saved rows of 4·hidden: r, q, n
//! and m = W_hn h + b_hn.

use super::Sizes;
use crate::device::Buffer;
use crate::error::Result;
use rayon::prelude::*;

fn sigmoid(a: f32) -> f32 {
    1.0 / (1.0 + (-a).exp())
}

/// Gates and output of one neuron: (r, q, n, m, h').
fn neuron(input: [f32; 3], recurrent: [f32; 3], h: f32) -> [f32; 5] {
    let r = sigmoid(input[0] + recurrent[0]);
    let q = sigmoid(input[1] + recurrent[1]);
    let m = recurrent[2];
    let n = (input[2] + r * m).tanh();
    [r, q, n, m, (1.0 - q) * n + q * h]
}

/// ∂h'/∂(summed input of r, q and n) of one neuron: the direct part, at fixed h.
fn direct([r, q, n, m]: [f32; 4], h: f32) -> [f32; 3] {
    let candidate = (1.0 - q) * (1.0 - n * n);
    [candidate * m * r * (1.0 - r), (h - n) * q * (1.0 - q), candidate]
}

/// Time step `t` of a map `[samples, steps, width]` as a matrix `[samples, width]`.
pub fn take_step(map: &Buffer, steps: usize, width: usize, t: usize) -> Result<Buffer> {
    let rows = map.as_slice().chunks_exact(width).skip(t).step_by(steps);
    Buffer::from_vec(map.device(), rows.flatten().copied().collect())
}

/// One step forward: `h` becomes h', which is also written to step `t` of `post`. Gates are written to `saved` if it
/// is given.
///
/// `from_input` `[samples, steps, 3·hidden]` and `from_hidden` `[samples, 3·hidden]` are products without biases.
#[allow(clippy::too_many_arguments)] // The signature of a kernel: its operands.
pub fn forward(
    sizes: Sizes,
    t: usize,
    from_input: &Buffer,
    from_hidden: &Buffer,
    biases: [&Buffer; 2],
    h: &mut Buffer,
    post: &mut Buffer,
    mut saved: Option<&mut Buffer>,
) -> Result<()> {
    let Sizes { samples, steps, hidden, .. } = sizes;
    let [bias_ih, bias_hh] = biases.map(Buffer::as_slice);
    for sample in 0..samples {
        let row = sample * steps + t;
        let input = &from_input.as_slice()[row * 3 * hidden..][..3 * hidden];
        let recurrent = &from_hidden.as_slice()[sample * 3 * hidden..][..3 * hidden];
        let h = &mut h.as_mut_slice()[sample * hidden..][..hidden];
        let post = &mut post.as_mut_slice()[row * hidden..][..hidden];
        for j in 0..hidden {
            let at = [j, hidden + j, 2 * hidden + j];
            let [r, q, n, m, next] =
                neuron(at.map(|i| input[i] + bias_ih[i]), at.map(|i| recurrent[i] + bias_hh[i]), h[j]);
            (h[j], post[j]) = (next, next);
            if let Some(saved) = saved.as_deref_mut() {
                let saved = &mut saved.as_mut_slice()[row * 4 * hidden..][..4 * hidden];
                (saved[j], saved[hidden + j], saved[2 * hidden + j], saved[3 * hidden + j]) = (r, q, n, m);
            }
        }
    }
    Ok(())
}

/// One step back. Adds step `t` of `factor` to `carry` (the factor from later steps). Writes the post factors of the
/// summed inputs to step `t` of `at_input` and `at_hidden`; the latter are also written to `step`, as a matrix.
/// Afterwards, `carry` holds the factor that the leak carries to the previous step.
#[allow(clippy::too_many_arguments)] // The signature of a kernel: its operands.
pub fn backward(
    sizes: Sizes,
    t: usize,
    saved: &Buffer,
    post: &Buffer,
    factor: &Buffer,
    carry: &mut Buffer,
    at_input: &mut Buffer,
    at_hidden: &mut Buffer,
    step: &mut Buffer,
) -> Result<()> {
    let Sizes { samples, steps, hidden, .. } = sizes;
    for sample in 0..samples {
        let row = sample * steps + t;
        let saved = &saved.as_slice()[row * 4 * hidden..][..4 * hidden];
        let factor = &factor.as_slice()[row * hidden..][..hidden];
        let carry = &mut carry.as_mut_slice()[sample * hidden..][..hidden];
        let at_input = &mut at_input.as_mut_slice()[row * 3 * hidden..][..3 * hidden];
        let at_hidden = &mut at_hidden.as_mut_slice()[row * 3 * hidden..][..3 * hidden];
        let step = &mut step.as_mut_slice()[sample * 3 * hidden..][..3 * hidden];
        for j in 0..hidden {
            let before = if t == 0 { 0.0 } else { post.as_slice()[(row - 1) * hidden + j] };
            let gates = [saved[j], saved[hidden + j], saved[2 * hidden + j], saved[3 * hidden + j]];
            let delta = factor[j] + carry[j];
            let [d_r, d_q, d_n] = direct(gates, before).map(|d| d * delta);
            (at_input[j], at_input[hidden + j], at_input[2 * hidden + j]) = (d_r, d_q, d_n);
            (at_hidden[j], at_hidden[hidden + j], at_hidden[2 * hidden + j]) = (d_r, d_q, d_n * gates[0]);
            carry[j] = delta * gates[1];
        }
        step.copy_from_slice(at_hidden);
    }
    Ok(())
}

/// The effect of one step on eligibility traces: the leak q `[samples, hidden]`, and ∂h'/∂(summed input) through
/// input and recurrent synapses, each `[samples, 3·hidden]`.
pub struct Direct {
    leak: Vec<f32>,
    at_input: Vec<f32>,
    at_hidden: Vec<f32>,
}

impl Direct {
    /// Advances `h` by one step and returns only the effect of this step on the traces.
    pub fn step(
        sizes: Sizes,
        from_input: &Buffer,
        from_hidden: &Buffer,
        biases: [&Buffer; 2],
        h: &mut Buffer,
    ) -> Result<Self> {
        let Sizes { samples, hidden, .. } = sizes;
        let [bias_ih, bias_hh] = biases.map(Buffer::as_slice);
        let gates = vec![0.0; samples * 3 * hidden];
        let mut made = Self { leak: vec![0.0; samples * hidden], at_input: gates.clone(), at_hidden: gates };
        for sample in 0..samples {
            let input = &from_input.as_slice()[sample * 3 * hidden..][..3 * hidden];
            let recurrent = &from_hidden.as_slice()[sample * 3 * hidden..][..3 * hidden];
            let h = &mut h.as_mut_slice()[sample * hidden..][..hidden];
            for (j, h) in h.iter_mut().enumerate() {
                let at = [j, hidden + j, 2 * hidden + j];
                let [r, q, n, m, next] =
                    neuron(at.map(|i| input[i] + bias_ih[i]), at.map(|i| recurrent[i] + bias_hh[i]), *h);
                let [d_r, d_q, d_n] = direct([r, q, n, m], *h);
                made.leak[sample * hidden + j] = q;
                for (gate, (input, recurrent)) in
                    [(d_r, d_r), (d_q, d_q), (d_n, d_n * r)].into_iter().enumerate()
                {
                    made.at_input[(sample * 3 + gate) * hidden + j] = input;
                    made.at_hidden[(sample * 3 + gate) * hidden + j] = recurrent;
                }
                *h = next;
            }
        }
        Ok(made)
    }
}

/// ε ← q ⊙ ε + ∂h'/∂a · pre for every synapse. `traces` is `[3·hidden, samples, width]`; `pre` `[samples, width]`,
/// or `None` for a bias (width 1, pre 1). `recurrent`: the synapses are those of W_hh.
pub fn advance(
    sizes: Sizes,
    direct: &Direct,
    recurrent: bool,
    pre: Option<&Buffer>,
    traces: &mut Buffer,
) -> Result<()> {
    let Sizes { samples, hidden, .. } = sizes;
    let gains = if recurrent { &direct.at_hidden } else { &direct.at_input };
    let width = traces.len() / (3 * hidden * samples);
    traces.as_mut_slice().par_chunks_exact_mut(samples * width).enumerate().for_each(|(row, traces)| {
        for (sample, trace) in traces.chunks_exact_mut(width).enumerate() {
            let (leak, gain) =
                (direct.leak[sample * hidden + row % hidden], gains[sample * 3 * hidden + row]);
            match pre {
                Some(pre) => {
                    let pre = &pre.as_slice()[sample * width..][..width];
                    trace.iter_mut().zip(pre).for_each(|(trace, pre)| *trace = leak * *trace + gain * pre);
                }
                None => trace.iter_mut().for_each(|trace| *trace = leak * *trace + gain),
            }
        }
    });
    Ok(())
}

/// ΔW += Σ over samples of signal ⊙ ε. `signal` is `[samples, hidden]`; `update` `[3·hidden, width]`.
pub fn learn(sizes: Sizes, signal: &Buffer, traces: &Buffer, update: &mut Buffer) -> Result<()> {
    let Sizes { samples, hidden, .. } = sizes;
    let width = update.len() / (3 * hidden);
    let signal = signal.as_slice();
    let rows = update.as_mut_slice().par_chunks_exact_mut(width);
    rows.zip(traces.as_slice().par_chunks_exact(samples * width)).enumerate().for_each(
        |(row, (update, traces))| {
            for (sample, trace) in traces.chunks_exact(width).enumerate() {
                let signal = signal[sample * hidden + row % hidden];
                update.iter_mut().zip(trace).for_each(|(update, trace)| *update += signal * trace);
            }
        },
    );
    Ok(())
}
