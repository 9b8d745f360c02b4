//! Equations 8 to 10 of Illing et al. (2021) as written: one sum for each synapse, which uses only what the
//! synapse can know. Rules compute the same with matrix products; tests compare them with this form.
//!
//! It applies to dense and to convolutional layers: a convolution is a dense layer on unfolded patches, and a
//! representation is the mean of its activity over positions.

/// The activity of a layer of ReLU neurons, ρ(a) = max(0, a), on some rows (time, location and input).
#[derive(Clone, Copy, Debug)]
pub struct Activity<'a> {
    /// `[row, position, input]`: presynaptic input x.
    pub pre: &'a [f32],
    /// `[row, position, neuron]`: postsynaptic activity ρ(a).
    pub post: &'a [f32],
    /// Positions that share weights: 1 for a dense layer, those of the map for a convolution.
    pub positions: usize,
    /// Presynaptic inputs at each position.
    pub inputs: usize,
    /// Neurons.
    pub neurons: usize,
}

/// A fixation or a saccade: the rows that are compared, and the modulation that their neurons receive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Row of the context, t − δ.
    pub context: usize,
    /// Row of the target: t, or a row of another input for a saccade.
    pub target: usize,
    /// γ.
    pub modulation: f64,
}

impl Activity<'_> {
    /// z_j of a row: the mean of neuron j over positions.
    pub fn z(&self, row: usize, neuron: usize) -> f64 {
        let sum: f64 = (0..self.positions).map(|position| self.rho(row, position, neuron)).sum();
        sum / self.positions as f64
    }

    /// The mean over positions of ρ'(a_j) · x_i: what a synapse remembers of a row.
    fn coincidence(&self, row: usize, neuron: usize, input: usize) -> f64 {
        let sum: f64 = (0..self.positions)
            .filter(|&position| self.rho(row, position, neuron) > 0.0)
            .map(|position| f64::from(self.pre[(row * self.positions + position) * self.inputs + input]))
            .sum();
        sum / self.positions as f64
    }

    fn rho(&self, row: usize, position: usize, neuron: usize) -> f64 {
        f64::from(self.post[(row * self.positions + position) * self.neurons + neuron])
    }
}

/// γ = y · H of one pair, H = 1\[1 − y·u > 0\] (defined with Equation 8).
pub fn hinge(y: f64, score: f64) -> f64 {
    if 1.0 - y * score > 0.0 { y } else { 0.0 }
}

/// u = zᵀ W c of a pair, with W `[neurons, neurons]`.
pub fn score(layer: &Activity, predict: &[f32], context: usize, target: usize) -> f64 {
    (0..layer.neurons).map(|j| layer.z(target, j) * dendrite(layer, predict, context, j)).sum()
}

/// (W z)_j: the dendritic signal that neuron j receives from the layer's activity on a row.
pub fn dendrite(layer: &Activity, weight: &[f32], row: usize, neuron: usize) -> f64 {
    let weights = &weight[neuron * layer.neurons..(neuron + 1) * layer.neurons];
    weights.iter().enumerate().map(|(k, w)| f64::from(*w) * layer.z(row, k)).sum()
}

/// Equation 8: ΔW_ji = Σ γ · (W_pred c)_j · ρ'(a_j) · x_i on the target's rows. `[neuron, input]`.
pub fn target_side(layer: &Activity, predict: &[f32], pairs: &[Pair]) -> Vec<f64> {
    per_synapse(layer.neurons, layer.inputs, |j, i| {
        let at = |pair: &Pair| {
            pair.modulation * dendrite(layer, predict, pair.context, j) * layer.coincidence(pair.target, j, i)
        };
        pairs.iter().map(at).sum()
    })
}

/// Equation 9: ΔW_ji = Σ γ · (W_retro z)_j · ρ'(a_j) · x_i on the context's rows. `[neuron, input]`. If
/// W_retro has separate weights, γ comes from its own scores cᵀ W_retro z (Equations 16 to 19).
pub fn context_side(layer: &Activity, retrodict: &[f32], pairs: &[Pair]) -> Vec<f64> {
    per_synapse(layer.neurons, layer.inputs, |j, i| {
        let at = |pair: &Pair| {
            pair.modulation
                * dendrite(layer, retrodict, pair.target, j)
                * layer.coincidence(pair.context, j, i)
        };
        pairs.iter().map(at).sum()
    })
}

/// Equation 10, first half: ΔW_pred_jk = Σ γ · z_j · c_k. `[neuron, neuron]`.
pub fn prediction(layer: &Activity, pairs: &[Pair]) -> Vec<f64> {
    per_synapse(layer.neurons, layer.neurons, |j, k| {
        pairs.iter().map(|pair| pair.modulation * layer.z(pair.target, j) * layer.z(pair.context, k)).sum()
    })
}

/// Equation 10, second half: ΔW_retro_kj = Σ γ · c_k · z_j, with γ as in [`context_side`]. `[neuron, neuron]`.
pub fn retrodiction(layer: &Activity, pairs: &[Pair]) -> Vec<f64> {
    per_synapse(layer.neurons, layer.neurons, |k, j| {
        pairs.iter().map(|pair| pair.modulation * layer.z(pair.context, k) * layer.z(pair.target, j)).sum()
    })
}

fn per_synapse(rows: usize, columns: usize, mut update: impl FnMut(usize, usize) -> f64) -> Vec<f64> {
    let mut updates = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            updates.push(update(row, column));
        }
    }
    updates
}
