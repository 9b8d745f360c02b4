//! Every kind of layer as nodes, for evaluation: with running statistics, without learning.

use super::axes::{Axes, json};
use super::graph::{Graph, float, int, ints, text};
use plasticity_core::layer::LayerSpec;
use plasticity_core::ops::norm;
use plasticity_core::{Error, Result};
use plasticity_encoders::batch_norm::BatchNorm;
use plasticity_encoders::block::BlockSpec;
use plasticity_encoders::conv::{Conv1d, Conv2d, Conv3d, ConvShape, Dense};
use plasticity_encoders::dtp::DtpSpec;
use plasticity_encoders::gru::{EpropGruSpec, GruSpec};
use plasticity_encoders::normalise::{Normalise, Over};
use plasticity_encoders::pad::{Border, Pad};
use plasticity_encoders::pool::{AvgPool, MaxPool};
use plasticity_encoders::residual::ResidualSpec;
use plasticity_encoders::triangle::Triangle;
use plasticity_lab::network::{Saved, State};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The config of a layer, as the spec of its kind.
fn spec<T: DeserializeOwned>(mut layer: Value) -> Result<T> {
    if let Some(keys) = layer.as_object_mut() {
        keys.remove("type");
    }
    serde_json::from_value(layer).map_err(|error| Error::config("encoder.layers", error.to_string()))
}

/// Adds layers to a graph.
pub struct Writer<'a> {
    /// The graph.
    pub graph: Graph,
    /// The axes of all maps.
    pub axes: Axes,
    /// The weights.
    pub state: &'a State,
}

impl Writer<'_> {
    /// Adds a layer whose parameters' names start with `place`, and returns the name of its output for `x`.
    ///
    /// # Errors
    /// If there is no form of this kind of layer in ONNX; the error names it.
    pub fn layer(&mut self, layer: &dyn LayerSpec, place: &str, x: &str) -> Result<String> {
        let said = json(layer)?;
        let name = said["type"].as_str().unwrap_or_default().to_owned();
        match name.as_str() {
            "conv1d" => self.convolution(&spec::<Conv1d>(said)?.shape()?, place, x),
            "conv2d" => self.convolution(&spec::<Conv2d>(said)?.shape()?, place, x),
            "conv3d" => self.convolution(&spec::<Conv3d>(said)?.shape()?, place, x),
            "dense" => {
                let y = self.linear(place, [1; 3], [0; 3], x)?;
                Ok(if spec::<Dense>(said)?.relu { self.relu(&y) } else { y })
            }
            "batch_norm" => spec::<BatchNorm>(said).and_then(|_| self.batch_norm(place, x)),
            "max_pool" => {
                let MaxPool { size, stride, padding } = spec(said)?;
                let (size, stride, padding) =
                    (flat(size), flat(stride.unwrap_or(size)), [0, padding, padding]);
                Ok(self.pool("MaxPool", size, stride, padding, x))
            }
            "avg_pool" => {
                let AvgPool { size, stride } = spec(said)?;
                Ok(self.pool("AveragePool", flat(size), flat(stride.unwrap_or(size)), [0; 3], x))
            }
            "pad" => Ok(self.pad(&spec(said)?, x)),
            "tanh" => Ok(self.graph.node("Tanh", &[x], Vec::new())),
            "dtp" => self.layer(spec::<DtpSpec>(said)?.layer.as_ref(), place, x),
            "triangle" => Ok(self.triangle(&spec(said)?, x)),
            "normalise" => Ok(self.normalise(&spec(said)?, x)),
            "residual" => self.residual(&spec(said)?, place, x),
            "gru" => self.gru(spec::<GruSpec>(said)?.hidden, place, x),
            "eprop_gru" => self.gru(spec::<EpropGruSpec>(said)?.hidden, place, x),
            "block" => {
                let mut y = x.to_owned();
                for (index, inner) in spec::<BlockSpec>(said)?.layers.iter().enumerate() {
                    y = self.layer(inner.as_ref(), &format!("{place}.{}", index + 1), &y)?;
                }
                Ok(y)
            }
            other => Err(Error::shape(
                place,
                format!(
                    "a layer of the kind `{other}` cannot be exported to ONNX: name the layers below it with --layers"
                ),
            )),
        }
    }

    fn saved(&self, name: &str) -> Result<&Saved> {
        let missing =
            || Error::shape("checkpoint", format!("has no `{name}`: it belongs to another network"));
        self.state.tensors.get(name).ok_or_else(missing)
    }

    /// Adds a saved parameter.
    fn parameter(&mut self, name: &str) -> Result<String> {
        let Saved { shape, values } = self.saved(name)?;
        let (shape, values) = (shape.clone(), values.clone());
        Ok(self.graph.floats(name, &shape, &values))
    }

    fn relu(&mut self, x: &str) -> String {
        self.graph.node("Relu", &[x], Vec::new())
    }

    /// W ∗ x + b. The weights have the axes of `Axes`; axes with a single tap may be missing.
    fn linear(&mut self, place: &str, stride: [usize; 3], padding: [usize; 3], x: &str) -> Result<String> {
        let name = format!("{place}.weight");
        let Saved { shape, values } = self.saved(&name)?;
        let taps: [usize; 3] = match shape[2..] {
            [t] => [t, 1, 1],
            [y, x] => [1, y, x],
            [t, y, x] => [t, y, x],
            _ => return Err(Error::shape(name, format!("{shape:?} is no shape of a convolution's weights"))),
        };
        let shape: Vec<usize> = shape[..2].iter().copied().chain(self.axes.keep(taps)).collect();
        let values = values.clone();
        let weight = self.graph.floats(&name, &shape, &values);
        let bias = self.parameter(&format!("{place}.bias"))?;
        let sizes = vec![
            self.axes.attribute("kernel_shape", taps),
            self.axes.attribute("strides", stride),
            ints("pads", self.axes.both_sides(padding)),
        ];
        Ok(self.graph.node("Conv", &[x, &weight, &bias], sizes))
    }

    fn convolution(&mut self, shape: &ConvShape, place: &str, x: &str) -> Result<String> {
        let mut y = self.linear(place, shape.stride, shape.padding, x)?;
        if shape.relu {
            y = self.relu(&y);
        }
        if shape.batch_norm {
            y = self.batch_norm(place, &y)?;
        }
        if let Some(pool) = shape.pool {
            y = self.pool("MaxPool", pool.size, pool.stride, [0; 3], &y);
        }
        Ok(y)
    }

    fn batch_norm(&mut self, place: &str, x: &str) -> Result<String> {
        let [weight, bias, mean, variance] = ["norm_weight", "norm_bias", "running_mean", "running_var"]
            .map(|name| self.parameter(&format!("{place}.{name}")));
        let inputs = [x, &weight?, &bias?, &mean?, &variance?];
        Ok(self.graph.node("BatchNormalization", &inputs, vec![float("epsilon", norm::EPSILON)]))
    }

    fn pool(
        &mut self,
        kind: &str,
        size: [usize; 3],
        stride: [usize; 3],
        padding: [usize; 3],
        x: &str,
    ) -> String {
        let sizes = vec![
            self.axes.attribute("kernel_shape", size),
            self.axes.attribute("strides", stride),
            ints("pads", self.axes.both_sides(padding)),
        ];
        self.graph.node(kind, &[x], sizes)
    }

    fn pad(&mut self, pad: &Pad, x: &str) -> String {
        // Neither the batch nor the channels are padded.
        let side: Vec<i64> = [0, 0]
            .into_iter()
            .chain(self.axes.keep([0, pad.size, pad.size]).into_iter().map(|size| size as i64))
            .collect();
        let sides = self.graph.ints(&side.repeat(2));
        let mode = match pad.border {
            Border::Reflect => "reflect",
            Border::Zero => "constant",
        };
        self.graph.node("Pad", &[x, &sides], vec![text("mode", mode)])
    }

    /// max(0, x − mean x)^p, the mean over channels.
    fn triangle(&mut self, triangle: &Triangle, x: &str) -> String {
        let mean = self.graph.node("ReduceMean", &[x], vec![ints("axes", vec![1])]);
        let above = self.graph.node("Sub", &[x, &mean], Vec::new());
        let above = self.relu(&above);
        if triangle.power == 1.0 {
            return above;
        }
        let power = self.graph.number(triangle.power);
        self.graph.node("Pow", &[&above, &power], Vec::new())
    }

    /// x / √(mean x² + ε).
    fn normalise(&mut self, normalise: &Normalise, x: &str) -> String {
        let positions = self.axes.keep([1; 3]).len() as i64;
        let over = match normalise.over {
            Over::Map => (1..2 + positions).collect(),
            Over::Position => vec![1],
        };
        let squares = self.graph.node("Mul", &[x, x], Vec::new());
        let mean = self.graph.node("ReduceMean", &[&squares], vec![ints("axes", over)]);
        let epsilon = self.graph.number(Normalise::EPSILON);
        let sum = self.graph.node("Add", &[&mean, &epsilon], Vec::new());
        let size = self.graph.node("Sqrt", &[&sum], Vec::new());
        self.graph.node("Div", &[x, &size], Vec::new())
    }

    fn residual(&mut self, residual: &ResidualSpec, place: &str, x: &str) -> Result<String> {
        let stride = [1, residual.stride, residual.stride];
        let rectified = self.relu(x);
        let first = self.linear(&format!("{place}.conv1"), [1; 3], [0; 3], &rectified)?;
        let first = self.relu(&first);
        let second = self.linear(&format!("{place}.conv2"), stride, [0, 1, 1], &first)?;
        let second = self.relu(&second);
        let third = self.linear(&format!("{place}.conv3"), [1; 3], [0; 3], &second)?;
        let shortcut = format!("{place}.shortcut");
        let beside = match self.state.tensors.contains_key(&format!("{shortcut}.weight")) {
            true => self.linear(&shortcut, stride, [0; 3], &rectified)?,
            false => x.to_owned(),
        };
        Ok(self.graph.node("Add", &[&third, &beside], Vec::new()))
    }

    /// ONNX's GRU: steps first, gates in the order z, r, n, both biases in one.
    fn gru(&mut self, hidden: usize, place: &str, x: &str) -> Result<String> {
        if !self.axes.time_alone() {
            let message = "a GRU with layers that work on rows and columns (conv2d, conv3d, residual, pad, pools) cannot be \
                           exported to ONNX: name the layers below it with --layers";
            return Err(Error::shape(place, message));
        }
        let gates = |name: &str| -> Result<(usize, Vec<f32>)> {
            let saved = self.saved(&format!("{place}.{name}"))?;
            let gate = saved.values.len() / 3;
            let [reset, update, new] = [0, 1, 2].map(|which| &saved.values[which * gate..][..gate]);
            Ok((gate / hidden, [update, reset, new].concat()))
        };
        let ((inputs, input), (_, recurrent)) = (gates("weight_ih")?, gates("weight_hh")?);
        let biases = [gates("bias_ih")?.1, gates("bias_hh")?.1].concat();
        let input = self.graph.floats(&format!("{place}.weight_ih"), &[1, 3 * hidden, inputs], &input);
        let recurrent =
            self.graph.floats(&format!("{place}.weight_hh"), &[1, 3 * hidden, hidden], &recurrent);
        let biases = self.graph.floats(&format!("{place}.bias"), &[1, 6 * hidden], &biases);
        let steps = self.graph.node("Transpose", &[x], vec![ints("perm", vec![2, 0, 1])]);
        let settings = vec![int("hidden_size", hidden as i64), int("linear_before_reset", 1)];
        let made = self.graph.node("GRU", &[&steps, &input, &recurrent, &biases], settings);
        let direction = self.graph.ints(&[1]);
        let made = self.graph.node("Squeeze", &[&made, &direction], Vec::new());
        Ok(self.graph.node("Transpose", &[&made], vec![ints("perm", vec![1, 2, 0])]))
    }
}

/// A size on rows and columns.
fn flat(size: usize) -> [usize; 3] {
    [1, size, size]
}
