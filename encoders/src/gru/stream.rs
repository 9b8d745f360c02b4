//! e-prop as it could run in a brain: step by step forward in time. Only an eligibility trace at each synapse
//! remembers the past.

use super::layer::Gru;
use plasticity_core::device::Buffer;
use plasticity_core::error::{Error, Result};
use plasticity_core::ops::gru::{self as elementwise, Direct, Sizes};
use plasticity_core::ops::{self, Product};

/// A run of an e-prop GRU over time: the traces ε' = q ⊙ ε + ∂h'/∂W (direct part, Illing et al. 2021, Appendix C;
/// Bellec et al. 2020), and the update so far, ΔW = Σ_t signal_t ⊙ ε_t.
///
/// The traces need samples · 3·hidden · (inputs + hidden + 2) values, for sequences of any length. A layer with
/// `gradient = "eprop_forward"` needs the same memory for its update, but its forward pass also holds the
/// sequence.
///
/// # Biological roles
/// *pre*: `x` and the layer's own h; *eligibility*: one trace for each synapse (and sample); *post factor*: the
/// learning signal −∂L/∂h of the present step.
pub struct EpropStream<'a> {
    gru: &'a Gru,
    sizes: Sizes,
    h: Buffer,
    from_input: Buffer,
    from_hidden: Buffer,
    /// Traces of `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`: `[3·hidden, samples, width]`.
    traces: [Buffer; 4],
    updates: [Buffer; 4],
}

impl<'a> EpropStream<'a> {
    pub(super) fn new(gru: &'a Gru, samples: usize) -> Result<Self> {
        let (inputs, hidden) = (gru.inputs(), gru.hidden());
        let device = gru.weight_ih.value().device();
        let zeros = |len| Buffer::zeros(device, len);
        let per_synapse = |count: usize| -> Result<[Buffer; 4]> {
            let rows = 3 * hidden * count;
            Ok([zeros(rows * inputs)?, zeros(rows * hidden)?, zeros(rows)?, zeros(rows)?])
        };
        Ok(Self {
            gru,
            sizes: Sizes { samples, steps: 1, inputs, hidden },
            h: zeros(samples * hidden)?,
            from_input: zeros(samples * 3 * hidden)?,
            from_hidden: zeros(samples * 3 * hidden)?,
            traces: per_synapse(samples)?,
            updates: per_synapse(1)?,
        })
    }

    /// Advances the layer and its traces by one step with input `x` `[samples, inputs]`; the output h' is
    /// [`activity`](Self::activity).
    ///
    /// # Errors
    /// If `x` has another size.
    pub fn step(&mut self, x: &Buffer) -> Result<()> {
        let Sizes { samples, inputs, hidden, .. } = self.sizes;
        check("input", x.len(), samples, inputs)?;
        let gru = self.gru;
        let product = |k| Product::new(samples, 3 * hidden, k).transpose_b();
        ops::product(product(inputs), x, gru.weight_ih.value(), &mut self.from_input)?;
        ops::product(product(hidden), &self.h, gru.weight_hh.value(), &mut self.from_hidden)?;
        let before = self.h.clone();
        let direct =
            Direct::step(self.sizes, &self.from_input, &self.from_hidden, gru.biases(), &mut self.h)?;
        let [weight_ih, weight_hh, bias_ih, bias_hh] = &mut self.traces;
        elementwise::advance(self.sizes, &direct, false, Some(x), weight_ih)?;
        elementwise::advance(self.sizes, &direct, true, Some(&before), weight_hh)?;
        elementwise::advance(self.sizes, &direct, false, None, bias_ih)?;
        Ok(elementwise::advance(self.sizes, &direct, true, None, bias_hh)?)
    }

    /// The output of the present step, `[samples, hidden]`.
    pub fn activity(&self) -> &Buffer {
        &self.h
    }

    /// Adds the present step's part of the update, from its learning signal −∂L/∂h `[samples, hidden]`.
    ///
    /// # Errors
    /// If `signal` has another size.
    pub fn learn(&mut self, signal: &Buffer) -> Result<()> {
        check("learning signal", signal.len(), self.sizes.samples, self.sizes.hidden)?;
        for (traces, update) in self.traces.iter().zip(&mut self.updates) {
            elementwise::learn(self.sizes, signal, traces, update)?;
        }
        Ok(())
    }

    /// The update so far, in the order of the layer's parameters.
    pub fn into_updates(self) -> Vec<Buffer> {
        self.updates.into()
    }
}

fn check(what: &str, len: usize, samples: usize, width: usize) -> Result<()> {
    if len == samples * width {
        return Ok(());
    }
    Err(Error::shape(
        "eprop_gru",
        format!("the {what} of {samples} samples of {width} holds {} values, got {len}", samples * width),
    ))
}
