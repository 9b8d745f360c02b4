//! Sums over the devices of several processes: on the CPU these go through the host's memory alone.

use super::{Buffer, Device};
use crate::error::{Error, Result};

/// One process's part in sums over the GPUs of several: there is none on the CPU.
#[derive(Debug)]
pub enum AllReduce {}

/// Sums that a GPU makes.
#[derive(Debug)]
pub enum Summing {}

impl AllReduce {
    /// An identity for a new group.
    ///
    /// # Errors
    /// Always on the CPU; on CUDA where NCCL is not installed.
    pub fn identity() -> Result<Vec<u8>> {
        Err(Error::Device("the CPU sums nothing by itself".to_owned()))
    }

    /// Joins the group of an identity as the `rank`-th of `ranks` processes, and waits for the others.
    ///
    /// # Errors
    /// Always on the CPU; on CUDA where NCCL refuses.
    pub fn join(_: &Device, _: &[u8], _: usize, _: usize) -> Result<Self> {
        Self::identity().and(Err(Error::Device("the CPU joins no group".to_owned())))
    }

    /// Starts the sums over all processes of each of the buffers, in place, and returns at once.
    ///
    /// # Errors
    /// Where the GPU or NCCL refuses.
    pub fn begin<'a>(&self, _: impl Iterator<Item = &'a mut Buffer>) -> Result<Summing> {
        match *self {}
    }
}

impl Summing {
    /// All work that the device is given from here on comes after the sums.
    ///
    /// # Errors
    /// Where the GPU refuses.
    pub fn finish(self) -> Result<()> {
        match self {}
    }
}
