//! Training steps on several ranks.
//!
//! Each rank runs its shard of the batch through the layers. For each module, the ranks gather its
//! representations, which are small compared to the maps. Each rank then computes the rule's update on the
//! whole batch, with the draws of the whole batch. So signals, negatives and post factors are those of one
//! rank, whatever the rule computes over the batch. Each rank then takes the post factors of its shard back
//! through its layers. Updates of layers are sums over stimuli, and the ranks add them up. Updates of the
//! rule's own weights are already equal on every rank.
//!
//! With [`Negatives::Shard`] a rule sees only the shard of its rank, with draws of that rank, and the ranks
//! average their results.

use super::devices;
use super::layout::{Batched, Layout};
use super::{Alone, Collective, Pending, Shard};
use plasticity_core::across::Across;
use plasticity_core::device::{AllReduce, Buffer, Device, Summing};
use plasticity_core::draws::Draws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops;
use plasticity_core::plasticity::PlasticityRule;
use plasticity_core::representation::Representation;
use plasticity_core::stage;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// What a rule sees when several ranks train. This decides where its negatives come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negatives {
    /// The whole batch, of all ranks. The update is that of one rank.
    #[default]
    Global,
    /// The shard of the rank.
    Shard,
}

/// A rank's part in training steps.
#[derive(Clone)]
pub struct Sharing {
    ranks: Arc<dyn Collective>,
    negatives: Negatives,
    /// The number of stimuli of this rank in a step.
    stimuli: usize,
    /// The GPUs that sum updates; `None` if the host sums them.
    devices: Option<Arc<AllReduce>>,
}

/// The ranks as layers see them.
struct Sums(Sharing);

impl std::fmt::Debug for Sums {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shard { rank, ranks } = self.0.shard();
        write!(formatter, "rank {rank} of {ranks}")
    }
}

impl Across for Sums {
    fn ranks(&self) -> usize {
        self.0.ranks.size()
    }

    fn summed(&self) -> usize {
        if self.0.gathers() { self.0.ranks.size() } else { 1 }
    }

    fn sum(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        let _stage = stage::kernel(MOMENTS, 0).entered();
        Ok(self.0.ranks.all_reduce(values).wait()?.values)
    }

    fn own(&self, whole: &[f32], shape: MapShape) -> Result<Vec<f32>> {
        Ok(self.0.layout(shape)?.own(whole, self.0.ranks.rank()))
    }
}

/// The updates of a module while ranks may still be summing them.
pub(crate) struct Begun {
    /// The sum in progress, over the buffers that `summed` lists.
    sum: Sum,
    updates: Updates,
}

/// What sums the updates.
enum Sum {
    /// Nothing, because there is one rank.
    None,
    /// The host. The values of all buffers follow each other.
    Host(Pending),
    /// The ranks' GPUs, in place.
    Devices(Summing),
}

/// The updates and the loss of a module.
pub(crate) struct Updates {
    /// The updates of every layer.
    pub layers: Vec<Vec<Buffer>>,
    /// The updates of the rule's own weights.
    pub own: Vec<Buffer>,
    /// The loss.
    pub loss: Buffer,
}

impl Sharing {
    /// The part of a rank that trains alone.
    pub fn alone() -> Self {
        Self { ranks: Arc::new(Alone::default()), negatives: Negatives::Global, stimuli: 0, devices: None }
    }

    /// A rank's part in steps of `batch` stimuli.
    ///
    /// # Errors
    /// If the batch cannot be divided by the number of ranks.
    pub fn new(ranks: Arc<dyn Collective>, negatives: Negatives, batch: usize) -> Result<Self> {
        let size = ranks.size();
        if !batch.is_multiple_of(size) {
            let next = batch.next_multiple_of(size);
            let message = format!(
                "{batch} stimuli cannot be shared by {size} ranks: give a multiple of {size}, such as {next}, or start \
                 another number of ranks"
            );
            return Err(Error::config("training.batch", message));
        }
        Ok(Self { negatives, stimuli: batch / size, ranks, devices: None })
    }

    /// The same, with updates summed by the ranks' GPUs if that is possible.
    #[must_use]
    pub fn on(self, device: &Device) -> Self {
        Self { devices: devices::join(self.ranks.as_ref(), device).map(Arc::new), ..self }
    }

    /// The ranks.
    pub fn ranks(&self) -> &Arc<dyn Collective> {
        &self.ranks
    }

    /// This rank's shard of every batch.
    pub fn shard(&self) -> Shard {
        Shard { rank: self.ranks.rank(), ranks: self.ranks.size() }
    }

    /// Whether this is the only rank.
    pub fn is_alone(&self) -> bool {
        self.ranks.size() == 1
    }

    /// The ranks as layers see them during a step; `None` if there is one rank.
    pub(crate) fn across(&self) -> Option<Arc<dyn Across>> {
        (!self.is_alone()).then(|| Arc::new(Sums(self.clone())) as Arc<dyn Across>)
    }

    /// Whether rules see the batches of all ranks.
    fn gathers(&self) -> bool {
        !self.is_alone() && self.negatives == Negatives::Global
    }

    /// The seed of this rank's draws. It is the run's seed if all ranks draw for the whole batch.
    pub(crate) fn seed(&self, seed: u64) -> u64 {
        match self.gathers() {
            true => seed,
            // The factor is odd, so no two ranks get the same seed.
            false => seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(self.ranks.rank() as u64)),
        }
    }

    fn layout(&self, shape: impl Batched) -> Result<Layout> {
        if !shape.batch().is_multiple_of(self.stimuli.max(1)) {
            let message = format!("a batch of {} is not made of {} stimuli", shape.batch(), self.stimuli);
            return Err(Error::shape("ranks", message));
        }
        Ok(Layout::new(shape, self.stimuli, self.ranks.size()))
    }

    fn whole(&self, layout: Layout, own: &Buffer) -> Result<Buffer> {
        let gathered = self.ranks.all_gather(own.to_vec()?)?;
        Ok(Buffer::from_vec(own.device(), layout.whole(&gathered))?)
    }

    fn whole_map(&self, own: &FeatureMap) -> Result<FeatureMap> {
        let shape = own.shape().with_batch(own.shape().batch * self.ranks.size());
        FeatureMap::new(shape, self.whole(self.layout(own.shape())?, own.data())?)
    }

    fn own_map(&self, whole: &FeatureMap) -> Result<FeatureMap> {
        let shape = whole.shape().with_batch(whole.shape().batch / self.ranks.size());
        let own = self.layout(shape)?.own(&whole.data().to_vec()?, self.ranks.rank());
        FeatureMap::new(shape, Buffer::from_vec(whole.data().device(), own)?)
    }

    /// The labels that rules see, from those of this rank's shard. `batch` is the length of the shard's
    /// batch.
    ///
    /// # Errors
    /// If a rank has left.
    pub(crate) fn labels(&self, own: Option<&[u32]>, batch: usize) -> Result<Option<Vec<u32>>> {
        if !self.gathers() {
            return Ok(own.map(<[u32]>::to_vec));
        }
        // The batch has no labels if a rank has none, or if ranks have different numbers of labels.
        let counts = self.ranks.all_gather(vec![own.map_or(0, <[u32]>::len) as f32])?;
        let Some(own) = own.filter(|own| !own.is_empty() && counts.iter().all(|&n| n == own.len() as f32))
        else {
            return Ok(None);
        };
        // The bits of each label travel as an `f32`.
        let gathered = self.ranks.all_gather(own.iter().map(|&label| f32::from_bits(label)).collect())?;
        let groups = batch / self.stimuli.max(1);
        let width = own.len() / groups.max(1);
        let layout = Layout { outer: 1, groups, width, ranks: self.ranks.size() };
        Ok(Some(layout.whole(&gathered).into_iter().map(f32::to_bits).collect()))
    }

    /// Calls [`PlasticityRule::prepare`] with the whole batch, and returns the rank's shard of the result.
    ///
    /// # Errors
    /// If the rule refuses, or a rank has left.
    pub(crate) fn prepare(
        &self,
        rule: &mut dyn PlasticityRule,
        input: FeatureMap,
        labels: Option<&[u32]>,
        draws: &mut dyn Draws,
    ) -> Result<FeatureMap> {
        if !self.gathers() || !rule.prepares() {
            return rule.prepare(input, labels, draws);
        }
        self.own_map(&rule.prepare(self.whole_map(&input)?, labels, draws)?)
    }

    /// Calls [`PlasticityRule::prepare_from_below`] with the whole batch, and returns the rank's shard of the
    /// result.
    ///
    /// # Errors
    /// If the rule refuses, or a rank has left.
    pub(crate) fn prepare_from_below(
        &self,
        rule: &mut dyn PlasticityRule,
        below: &FeatureMap,
        draws: &mut dyn Draws,
    ) -> Result<Option<FeatureMap>> {
        if !self.gathers() || !rule.prepares() {
            return rule.prepare_from_below(below, draws);
        }
        let prepared = rule.prepare_from_below(&self.whole_map(below)?, draws)?;
        prepared.map(|whole| self.own_map(&whole)).transpose()
    }

    /// What rules see of this rank's representation: the whole batch, or the rank's shard.
    ///
    /// # Errors
    /// If a rank has left.
    pub(crate) fn seen<'a>(&self, own: &'a Representation, module: usize) -> Result<Cow<'a, Representation>> {
        if !self.gathers() {
            return Ok(Cow::Borrowed(own));
        }
        let _stage = stage::module(module, GATHER).entered();
        let shape = own.shape().with_batch(own.shape().batch * self.ranks.size());
        Representation::new(shape, self.whole(self.layout(own.shape())?, own.data())?).map(Cow::Owned)
    }

    /// The part of a post factor that belongs to this rank's representation.
    ///
    /// # Errors
    /// If the factor does not fit.
    pub(crate) fn own_factor(&self, factor: Buffer, own: &Representation) -> Result<Buffer> {
        if !self.gathers() {
            return Ok(factor);
        }
        let expected = own.data().len() * self.ranks.size();
        if factor.len() != expected {
            let message = format!("a post factor of {} values, expected {expected}", factor.len());
            return Err(Error::shape("ranks", message));
        }
        let values = self.layout(own.shape())?.own(&factor.to_vec()?, self.ranks.rank());
        Ok(Buffer::from_vec(factor.device(), values)?)
    }

    /// Whether this rank adds the part of a layer's update that does not depend on the batch
    /// ([`Lateral`](crate::network)). Sums over ranks need it once, so only rank 0 adds it. With
    /// [`Negatives::Shard`] updates are averaged, and every rank adds it.
    pub(crate) fn adds_lateral(&self) -> bool {
        !self.gathers() || self.ranks.rank() == 0
    }

    /// Starts the sum of a module's updates over ranks.
    ///
    /// # Errors
    /// If a copy from the device fails.
    pub(crate) fn begin(&self, mut updates: Updates) -> Result<Begun> {
        let sum = match &self.devices {
            _ if self.is_alone() => Sum::None,
            Some(devices) => Sum::Devices(devices.begin(self.summed(&mut updates))?),
            None => {
                let mut values = Vec::new();
                for buffer in self.summed(&mut updates) {
                    values.extend(buffer.to_vec()?);
                }
                Sum::Host(self.ranks.all_reduce(values))
            }
        };
        Ok(Begun { sum, updates })
    }

    /// The buffers of a module's updates that ranks sum.
    fn summed<'a>(&self, updates: &'a mut Updates) -> impl Iterator<Item = &'a mut Buffer> {
        let Updates { layers, own, loss } = updates;
        let averaged = (!self.gathers()).then(|| own.iter_mut().chain([loss]));
        layers.iter_mut().flatten().chain(averaged.into_iter().flatten())
    }

    /// Waits for the sum of the updates of `module`.
    ///
    /// # Errors
    /// If a rank has left.
    pub(crate) fn finish(&self, begun: Begun, module: usize) -> Result<Updates> {
        let Begun { sum, mut updates } = begun;
        let share = if self.gathers() { 1.0 } else { 1.0 / self.ranks.size() as f32 };
        let wait = stage::module(module, WAIT);
        match sum {
            Sum::None => {}
            Sum::Devices(summing) => {
                wait.in_scope(|| summing.finish())?;
                if !self.gathers() {
                    self.summed(&mut updates).try_for_each(|buffer| ops::scale(buffer, share))?;
                }
            }
            Sum::Host(pending) => {
                let reduced = wait.in_scope(|| pending.wait())?;
                stage::communicated(module, REDUCE, reduced.began, reduced.took);
                let mut rest = reduced.values.into_iter().map(|value| value * share);
                for buffer in self.summed(&mut updates) {
                    let own = rest.by_ref().take(buffer.len()).collect();
                    *buffer = Buffer::from_vec(buffer.device(), own)?;
                }
            }
        }
        Ok(updates)
    }

    /// Averages over ranks what a rule keeps but does not learn, if each rank's rule saw another shard.
    ///
    /// # Errors
    /// If a rank has left.
    pub(crate) fn average_kept(&self, rule: &mut dyn PlasticityRule) -> Result<()> {
        if self.is_alone() || self.gathers() {
            return Ok(());
        }
        let kept = rule.parameters().into_iter().filter(|parameter| !parameter.learns());
        let share = 1.0 / self.ranks.size() as f32;
        for parameter in kept {
            let sum = self.ranks.all_reduce(parameter.get()?).wait()?.values;
            parameter.set(&sum.iter().map(|value| value * share).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// The stage in which a rank waits for the representations of the others.
pub const GATHER: &str = "gather";
/// The stage in which a rank waits for the sum of updates.
pub const WAIT: &str = "wait for the sum";
/// The kernel in which a layer waits for sums over the batches of all ranks.
pub const MOMENTS: &str = "moments over ranks";
/// The communication that sums updates.
const REDUCE: &str = "sum over ranks";
