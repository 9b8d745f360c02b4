//! Copies host values to the device.
//!
//! If host memory may be paged out, the driver does not report when it has read it, and the call may first wait for
//! all earlier work. The driver reads page-locked memory when it reaches the copy, while the host continues. So
//! values are first copied into our own page-locked memory. This memory is reused after the device has passed the
//! event behind the copy.

use super::{Device, failed};
use crate::error::Result;
use cudarc::driver::result::{event, memcpy_htod_async};
use cudarc::driver::sys::{self, CUevent_flags, CUresult};
use cudarc::driver::{CudaSlice, DevicePtrMut, DeviceRepr};
use std::sync::PoisonError;

/// The largest number of pieces of page-locked memory. The host can be this many copies ahead of the device.
const MOST: usize = 64;
/// Bytes of the smallest piece.
const LEAST: usize = 64 << 10;

/// A piece of page-locked memory, and the event behind the last copy from it.
#[derive(Debug)]
struct Slot {
    memory: *mut u8,
    bytes: usize,
    read: sys::CUevent,
}

// SAFETY: page-locked memory and an event, which the driver allows every thread to use.
unsafe impl Send for Slot {}

impl Slot {
    fn new(bytes: usize) -> Result<Self> {
        let read =
            event::create(CUevent_flags::CU_EVENT_DISABLE_TIMING).map_err(|e| failed("an event", e))?;
        let mut memory = std::ptr::null_mut();
        // SAFETY: `memory` is a live local.
        let made = unsafe { sys::cuMemAllocHost_v2(&mut memory, bytes) }.result();
        made.map_err(|e| failed(&format!("{bytes} bytes of page-locked memory"), e))?;
        Ok(Self { memory: memory.cast(), bytes, read })
    }

    /// Whether the device has read the values that were last put in. The event of a new slot counts as passed.
    fn is_read(&self) -> bool {
        // SAFETY: the event was made in `new`.
        unsafe { sys::cuEventQuery(self.read) == CUresult::CUDA_SUCCESS }
    }

    fn wait(&self) -> Result<()> {
        // SAFETY: the event was made in `new`.
        unsafe { sys::cuEventSynchronize(self.read) }.result().map_err(|e| failed("work on the GPU", e))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: memory and event were made in `new`, and only this value holds them. After the event, the device
        // does not read the memory. A call here fails only if the context no longer exists.
        unsafe {
            let _ = sys::cuEventSynchronize(self.read);
            let _ = sys::cuMemFreeHost(self.memory.cast());
            let _ = event::destroy(self.read);
        }
    }
}

/// The slots, the least recently used first.
#[derive(Debug, Default)]
pub(super) struct Staging(Vec<Slot>);

impl Staging {
    /// A slot of at least `bytes` bytes that the device is not reading.
    fn take(&mut self, bytes: usize) -> Result<Slot> {
        let fits = |slot: &Slot| slot.bytes >= bytes;
        let free = self.0.iter().enumerate().filter(|(_, slot)| fits(slot) && slot.is_read());
        if let Some((at, _)) = free.min_by_key(|(_, slot)| slot.bytes) {
            return Ok(self.0.remove(at));
        }
        if self.0.len() == MOST {
            let slot = self.0.remove(self.0.iter().position(fits).unwrap_or(0));
            slot.wait()?;
            if fits(&slot) {
                return Ok(slot);
            }
        }
        Slot::new(bytes.next_power_of_two().max(LEAST))
    }
}

/// Queues a copy of host values. The caller may change them after the call returns.
pub(super) fn upload<T: DeviceRepr>(device: &Device, values: &[T], to: &mut CudaSlice<T>) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    device.bind()?;
    let (bytes, stream) = (size_of_val(values), *device.driver().cu_stream());
    let mut staging = device.shared.staging.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = staging.take(bytes)?;
    // SAFETY: the slot has room for the bytes, and the device does not read it; `T` is plain data. Afterwards its
    // first `bytes` bytes are set.
    let staged = unsafe {
        std::ptr::copy_nonoverlapping(values.as_ptr().cast(), slot.memory, bytes);
        std::slice::from_raw_parts(slot.memory, bytes)
    };
    // SAFETY: `to` has room for the values. The slot keeps them until the event behind the copy is passed: `take`
    // does not return it before, and dropping it waits.
    let queued = unsafe {
        memcpy_htod_async(*to.device_ptr_mut(), staged, stream)
            .and_then(|()| event::record(slot.read, stream))
    };
    staging.0.push(slot);
    queued.map_err(|e| failed("copying to the GPU", e))
}
