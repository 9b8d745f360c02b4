//! A new run that starts from the weights of another.

use crate::network::{Network, Owner, State};
use plasticity_core::{Error, Result};

/// Gives a network the weights of `state`: of all layers, or only of the layers in `layers`
/// (counted from 1). If all layers are used, a rule's own weights are used too, for each module in
/// which names and shapes are the same. Nothing else of the state is used.
///
/// # Errors
/// If a layer does not exist or has other weights; the error names it, and nothing has changed.
pub fn start_from(network: &mut Network, state: &State, layers: Option<&[usize]>) -> Result<()> {
    let refuse = |message: String| Err(Error::shape("checkpoint", message));
    let count = network.layer_names().len();
    if let Some(layer) = layers.unwrap_or_default().iter().find(|layer| !(1..=count).contains(*layer)) {
        let message = format!("there is no layer {layer}: layers are counted from 1 to {count}");
        return Err(Error::config("training.init_layers", message));
    }
    let taken = |index: usize| layers.is_none_or(|layers| layers.contains(&(index + 1)));
    let mut own_rule = vec![layers.is_none(); network.modules().len()];
    for (name, parameter) in network.parameters() {
        let saved = state.tensors.get(&name).map(|saved| saved.shape.as_slice());
        match Owner::of(&name) {
            Some((Owner::Layer(index), _)) if taken(index) && saved != Some(parameter.shape()) => {
                let has = saved.map_or("none".to_owned(), |shape| format!("one of shape {shape:?}"));
                let needed = parameter.shape();
                return refuse(format!(
                    "layer {} needs `{name}` of shape {needed:?}, but the checkpoint has {has}: use the encoder \
                     of that run, or name the equal layers in training.init_layers",
                    index + 1
                ));
            }
            Some((Owner::Module(index), _)) if saved != Some(parameter.shape()) => own_rule[index] = false,
            _ => {}
        }
    }
    for (name, parameter) in network.parameters() {
        let wanted = match Owner::of(&name) {
            Some((Owner::Layer(index), _)) => taken(index),
            Some((Owner::Module(index), _)) => own_rule[index],
            None => false,
        };
        if let Some(saved) = state.tensors.get(&name).filter(|_| wanted) {
            parameter.set(&saved.values)?;
        }
    }
    Ok(())
}
