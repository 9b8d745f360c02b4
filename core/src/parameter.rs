//! Learning weights, and state that is saved with them.

use crate::device::{Buffer, Device};
use crate::error::{Error, Result};

/// One tensor of a layer or rule: its name, its public layout and its values on the device.
///
/// Files and reports use the *public* layout (PyTorch's: `[out, in, k…]`). In memory the axes may be permuted so that
/// kernels use contiguous channels. Optimisers work on each element and see only [`Parameter::value`].
#[derive(Clone, Debug)]
pub struct Parameter {
    name: String,
    shape: Vec<usize>,
    order: Vec<usize>,
    learns: bool,
    value: Buffer,
}

impl Parameter {
    /// A parameter from values in the public layout `shape`, kept in memory with its axes in `order` (`order[i]` is
    /// the public axis at place `i` in memory).
    ///
    /// # Errors
    /// If the number of values does not fit `shape`, or `order` is not a permutation.
    pub fn new(
        device: &Device,
        name: &str,
        shape: &[usize],
        order: &[usize],
        values: &[f32],
    ) -> Result<Self> {
        let mut parameter = Self::without_values(device, name, shape, order)?;
        if !device.is_sizing() {
            parameter.value = Buffer::from_vec(device, parameter.to_memory(values)?)?;
        }
        Ok(parameter)
    }

    /// A parameter whose values come from `draw`, in the public layout; `order` as in [`new`](Self::new). `draw` is
    /// not called on a [`sizing`](Device::sizing) handle, or if there is no memory for the values.
    ///
    /// # Errors
    /// If there is no memory, `draw` fails or returns another number of values, or `order` is not a permutation.
    pub fn drawn(
        device: &Device,
        name: &str,
        shape: &[usize],
        order: &[usize],
        draw: impl FnOnce(usize) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        let parameter = Self::without_values(device, name, shape, order)?;
        if device.is_sizing() {
            return Ok(parameter);
        }
        room(name, parameter.len())?;
        Self::new(device, name, shape, order, &draw(parameter.len())?)
    }

    /// Its name, shape and order, with no values yet.
    fn without_values(device: &Device, name: &str, shape: &[usize], order: &[usize]) -> Result<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if sorted != (0..shape.len()).collect::<Vec<_>>() {
            return Err(Error::shape(name, format!("{order:?} is not an order of the axes of {shape:?}")));
        }
        if shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size)).is_none() {
            return Err(Error::shape(name, format!("{shape:?} has too many values")));
        }
        Ok(Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            order: order.to_vec(),
            learns: true,
            value: Buffer::zeros(device, 0)?,
        })
    }

    /// A parameter with the public layout in memory.
    ///
    /// # Errors
    /// If the number of values is not that of `shape`.
    pub fn plain(device: &Device, name: &str, shape: &[usize], values: &[f32]) -> Result<Self> {
        Self::new(device, name, shape, &(0..shape.len()).collect::<Vec<_>>(), values)
    }

    /// The same parameter, saved but never changed by an optimiser (running averages, frozen weights).
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.learns = false;
        self
    }

    /// Renames it: a rule does this with the weights of its scores.
    pub fn rename(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// From now on it is saved but never changed by an optimiser.
    pub fn freeze(&mut self) {
        self.learns = false;
    }

    /// The same under the name `part.name`: a parameter of a part of a layer.
    #[must_use]
    pub fn of_part(mut self, part: &str) -> Self {
        self.name = format!("{part}.{}", self.name);
        self
    }

    /// Its name inside the layer or rule: `weight`, `predict.1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many values it has, whether or not it is on a [`sizing`](Device::sizing) handle.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an optimiser changes it.
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// Its values in memory order.
    pub fn value(&self) -> &Buffer {
        &self.value
    }

    /// Its values in memory order, mutable.
    pub fn value_mut(&mut self) -> &mut Buffer {
        &mut self.value
    }

    /// Its values in the public layout.
    ///
    /// # Errors
    /// If the copy from the device fails.
    pub fn get(&self) -> Result<Vec<f32>> {
        self.to_public(&self.value)
    }

    /// A buffer in this parameter's memory order (an update, an optimiser's average), in the public layout.
    ///
    /// # Errors
    /// If the lengths differ or the copy from the device fails.
    pub fn to_public(&self, memory: &Buffer) -> Result<Vec<f32>> {
        let memory = memory.to_vec()?;
        self.check(memory.len())?;
        let mut public = room(&self.name, memory.len())?;
        public.resize(memory.len(), 0.0);
        self.for_each(|in_memory, in_public| public[in_public] = memory[in_memory]);
        Ok(public)
    }

    /// Sets the values from the public layout; on a [`sizing`](Device::sizing) handle it does nothing.
    ///
    /// # Errors
    /// If the number of values is not that of the shape.
    pub fn set(&mut self, public: &[f32]) -> Result<()> {
        if self.value.device().is_sizing() {
            return self.check(public.len());
        }
        let memory = self.to_memory(public)?;
        Ok(self.value.copy_from_host(&memory)?)
    }

    /// Values in the public layout, put into this parameter's memory order.
    ///
    /// # Errors
    /// If the number of values is not that of the shape.
    pub fn to_memory(&self, public: &[f32]) -> Result<Vec<f32>> {
        self.check(public.len())?;
        let mut memory = room(&self.name, public.len())?;
        memory.resize(public.len(), 0.0);
        self.for_each(|in_memory, in_public| memory[in_memory] = public[in_public]);
        Ok(memory)
    }

    /// The layout of the first public axis (neurons) in memory: the value at `place` belongs to index `place / inner
    /// % count`. Returns `(inner, count)`.
    pub fn first_axis(&self) -> (usize, usize) {
        let at = self.order.iter().position(|&axis| axis == 0).unwrap_or(0);
        let inner = self.order.iter().skip(at + 1).map(|&axis| self.shape[axis]).product();
        (inner, self.shape.first().copied().unwrap_or(1))
    }

    fn check(&self, len: usize) -> Result<()> {
        let expected = self.len();
        if len == expected {
            return Ok(());
        }
        Err(Error::shape(&self.name, format!("shape {:?} has {expected} values, got {len}", self.shape)))
    }

    /// Calls `visit(memory index, public index)` for every element.
    fn for_each(&self, mut visit: impl FnMut(usize, usize)) {
        let rank = self.shape.len();
        let mut strides = vec![1; rank];
        for axis in (0..rank.saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1] * self.shape[axis + 1];
        }
        let total: usize = self.shape.iter().product();
        let mut index = vec![0; rank];
        for memory in 0..total {
            let public = self.order.iter().zip(&index).map(|(&axis, i)| strides[axis] * i).sum();
            visit(memory, public);
            for place in (0..rank).rev() {
                index[place] += 1;
                if index[place] < self.shape[self.order[place]] {
                    break;
                }
                index[place] = 0;
            }
        }
    }
}

/// An empty vector with room for `len` values.
///
/// # Errors
/// If there is not enough memory; the error names the use.
fn room(name: &str, len: usize) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    match values.try_reserve_exact(len) {
        Ok(()) => Ok(values),
        Err(_) => {
            let message =
                format!("there is no memory for its {len} values: use fewer neurons, or a smaller kernel");
            Err(Error::shape(name, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_order_is_a_permutation_of_the_public_layout() {
        let device = Device::open().unwrap();
        let values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let p = Parameter::new(&device, "w", &[2, 3, 4], &[2, 1, 0], &values).unwrap();
        assert_eq!(p.value().to_vec().unwrap()[..4], [0.0, 12.0, 4.0, 16.0]);
        assert_eq!(p.get().unwrap(), values);
    }

    #[test]
    fn the_first_axis_is_found_in_memory() {
        let device = Device::open().unwrap();
        let values: Vec<f32> = (0..24).map(|v| (v / 12) as f32).collect();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let p = Parameter::new(&device, "w", &[2, 3, 4], &order, &values).unwrap();
            let (inner, count) = p.first_axis();
            let memory = p.value().to_vec().unwrap();
            let found: Vec<f32> = (0..24).map(|place| (place / inner % count) as f32).collect();
            assert_eq!(memory, found, "{order:?}");
        }
    }

    #[test]
    fn a_wrong_count_is_an_error_that_names_the_parameter() {
        let device = Device::open().unwrap();
        let error = Parameter::plain(&device, "bias", &[3], &[0.0]).unwrap_err().to_string();
        assert_eq!(error, "bias: shape [3] has 3 values, got 1");
        assert!(Parameter::new(&device, "w", &[2, 2], &[0, 0], &[0.0; 4]).is_err());
    }

    #[test]
    fn what_has_no_room_is_refused_before_it_is_drawn() {
        let device = Device::open().unwrap();
        let draw = |_: usize| -> Result<Vec<f32>> { panic!("drawn") };
        let huge =
            |shape: &[usize]| Parameter::drawn(&device, "w", shape, &[0, 1], draw).unwrap_err().to_string();
        assert_eq!(
            huge(&[1 << 31, 1 << 28]),
            format!(
                "w: there is no memory for its {} values: use fewer neurons, or a smaller kernel",
                1usize << 59
            )
        );
        assert!(huge(&[1 << 40, 1 << 40]).contains("has too many values"));
    }

    #[test]
    fn on_a_sizing_handle_shapes_are_known_and_nothing_is_drawn() {
        let device = Device::open().unwrap().sizing();
        let draw = |_: usize| -> Result<Vec<f32>> { panic!("drawn") };
        let mut p = Parameter::drawn(&device, "w", &[1 << 20, 1 << 20], &[0, 1], draw).unwrap();
        assert_eq!((p.len(), p.value().len()), (1 << 40, 0));
        assert!(p.set(&[0.0]).is_err());
        let mut given = Parameter::plain(&device, "b", &[2], &[1.0, 2.0]).unwrap();
        given.set(&[3.0, 4.0]).unwrap();
        assert_eq!((given.len(), given.value().len()), (2, 0));
    }
}
