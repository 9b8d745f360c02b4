//! Builds a graph: nodes, weights, inputs and outputs.

use super::messages::{
    Attribute, Axis, Element, Graph as Message, Kind, Node, Shape, Size, Tensor, TensorType, Type, Value,
};

/// The nodes so far. Values are identified by their names.
#[derive(Default)]
pub struct Graph {
    message: Message,
    values: usize,
}

impl Graph {
    /// Adds a node and returns the name of its result.
    pub fn node(&mut self, operation: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        self.values += 1;
        let made = format!("value{}", self.values);
        self.message.nodes.push(Node {
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![made.clone()],
            operation: operation.to_owned(),
            attributes,
        });
        made
    }

    /// Adds float32 constants and returns their name.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, shape, Element::Float, bytes)
    }

    /// Adds a list of whole numbers and returns its name.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let name = format!("list{}", self.message.initializers.len());
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&name, &[values.len()], Element::Int64, bytes)
    }

    /// Adds a single number and returns its name.
    pub fn number(&mut self, value: f32) -> String {
        let name = format!("number{}", self.message.initializers.len());
        self.floats(&name, &[], &[value])
    }

    fn constant(&mut self, name: &str, shape: &[usize], element: Element, bytes: Vec<u8>) -> String {
        let shape = sizes(shape);
        let tensor = Tensor { shape, element: element.into(), name: name.to_owned(), bytes };
        self.message.initializers.push(tensor);
        name.to_owned()
    }

    /// Adds an input; `shape` is without the batch axis, which is first and has any length.
    pub fn input(&mut self, name: &str, shape: &[usize], doc: &str) {
        self.message.inputs.push(value(name, shape, doc));
    }

    /// Adds an output with the name `name`; `shape` as for [`input`](Self::input).
    pub fn output(&mut self, made: &str, name: &str, shape: &[usize], doc: &str) {
        for node in &mut self.message.nodes {
            node.inputs.iter_mut().chain(&mut node.outputs).filter(|value| *value == made).for_each(
                |value| {
                    value.clear();
                    value.push_str(name);
                },
            );
        }
        self.message.outputs.push(value(name, shape, doc));
    }

    /// The graph as a message of the file.
    pub fn into_message(self, name: &str, doc: &str) -> Message {
        Message { name: name.to_owned(), doc: doc.to_owned(), ..self.message }
    }
}

fn sizes(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&size| size as i64).collect()
}

fn value(name: &str, shape: &[usize], doc: &str) -> Value {
    let fixed = sizes(shape).into_iter().map(Size::Fixed);
    let axes = std::iter::once(Size::Named("batch".to_owned())).chain(fixed);
    let shape = Shape { axes: axes.map(|size| Axis { size: Some(size) }).collect() };
    let tensor = TensorType { element: Element::Float.into(), shape: Some(shape) };
    Value { name: name.to_owned(), of: Some(Type { tensor: Some(tensor) }), doc: doc.to_owned() }
}

/// An attribute that is a list of whole numbers.
pub fn ints(name: &str, values: Vec<i64>) -> Attribute {
    Attribute { name: name.to_owned(), ints: values, kind: Kind::Ints.into(), ..Attribute::default() }
}

/// An attribute that is a whole number.
pub fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), int: value, kind: Kind::Int.into(), ..Attribute::default() }
}

/// An attribute that is a number.
pub fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.to_owned(), float: value, kind: Kind::Float.into(), ..Attribute::default() }
}

/// An attribute that is a text.
pub fn text(name: &str, value: &str) -> Attribute {
    let text = value.as_bytes().to_vec();
    Attribute { name: name.to_owned(), text, kind: Kind::Text.into(), ..Attribute::default() }
}
