//! Sums over the GPUs of several processes, by NCCL on a stream of its own.
//!
//! NCCL is loaded when it is first asked for, as the other libraries are. Its functions are those of NCCL 2.

use super::{Buffer, Device, failed};
use crate::error::{Error, Result};
use cudarc::driver::result::{event, stream};
use cudarc::driver::sys::{CUevent, CUevent_flags, CUevent_wait_flags, CUstream};
use libloading::Library;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};

const LIBRARY: &str = "libnccl.so.2";
/// `ncclFloat32` and `ncclSum`.
const FLOAT: c_int = 7;
const SUM: c_int = 0;

/// What a call of NCCL returns: 0 where it succeeded.
type Status = c_int;

/// `ncclUniqueId`.
#[repr(C)]
#[derive(Clone, Copy)]
struct UniqueId([u8; 128]);

/// The functions of NCCL, with the signatures of `nccl.h`.
struct Functions {
    get_unique_id: unsafe extern "C" fn(*mut UniqueId) -> Status,
    comm_init_rank: unsafe extern "C" fn(*mut *mut c_void, c_int, UniqueId, c_int) -> Status,
    all_reduce: unsafe extern "C" fn(
        *const c_void,
        *mut c_void,
        usize,
        c_int,
        c_int,
        *mut c_void,
        CUstream,
    ) -> Status,
    group_start: unsafe extern "C" fn() -> Status,
    group_end: unsafe extern "C" fn() -> Status,
    comm_destroy: unsafe extern "C" fn(*mut c_void) -> Status,
    /// They lead into it.
    _library: Library,
}

impl Functions {
    /// NCCL's; at every call but the first, what the first found.
    fn get() -> Result<&'static Self> {
        static FUNCTIONS: OnceLock<Result<Functions, String>> = OnceLock::new();
        FUNCTIONS.get_or_init(Self::load).as_ref().map_err(|message| Error::Device(message.clone()))
    }

    fn load() -> Result<Self, String> {
        let remedy = "install NCCL 2 or put its folder on LD_LIBRARY_PATH";
        // SAFETY: the library's initialiser has no preconditions.
        let library = unsafe { Library::new(LIBRARY) };
        let library = library.map_err(|_| format!("{LIBRARY} was not found: {remedy}"))?;
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: `nccl.h` declares the function so.
                *unsafe { library.get($name) }.map_err(|e| format!("{LIBRARY}: {e}: {remedy}"))?
            };
        }
        Ok(Self {
            get_unique_id: function!(b"ncclGetUniqueId"),
            comm_init_rank: function!(b"ncclCommInitRank"),
            all_reduce: function!(b"ncclAllReduce"),
            group_start: function!(b"ncclGroupStart"),
            group_end: function!(b"ncclGroupEnd"),
            comm_destroy: function!(b"ncclCommDestroy"),
            _library: library,
        })
    }
}

fn succeed(what: &str, status: Status) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(Error::Device(format!("NCCL, {what}: error {status}"))) }
}

/// One process's part in sums over the GPUs of several, each with a GPU of its own.
#[derive(Debug)]
pub struct AllReduce {
    device: Device,
    group: Mutex<Group>,
}

/// NCCL's communicator and its stream.
#[derive(Debug)]
struct Group {
    communicator: *mut c_void,
    stream: CUstream,
}

// SAFETY: NCCL and the driver allow any thread to use a communicator and a stream, one at a time: they are behind a lock.
unsafe impl Send for Group {}

/// Sums that the GPU makes: it starts nothing after [`finish`](Self::finish) before they are made.
#[derive(Debug)]
pub struct Summing {
    device: Device,
    made: Event,
}

/// An event of the driver.
#[derive(Debug)]
struct Event(CUevent);

// SAFETY: the driver allows any thread to use an event.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// After all work that `on` has so far.
    fn after(on: CUstream) -> Result<Self> {
        let made = event::create(CUevent_flags::CU_EVENT_DISABLE_TIMING);
        let event = Self(made.map_err(|e| failed("an event", e))?);
        // SAFETY: event and stream are live.
        unsafe { event::record(event.0, on) }.map_err(|e| failed("an event", e))?;
        Ok(event)
    }

    /// What `on` is given from here on waits for it.
    fn awaited_by(&self, on: CUstream) -> Result<()> {
        let flags = CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;
        // SAFETY: event and stream are live.
        let waits = unsafe { stream::wait_event(on, self.0, flags) };
        waits.map_err(|e| failed("waiting for an event", e))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: nobody else destroys it; the driver keeps what streams still wait for.
        if let Err(error) = unsafe { event::destroy(self.0) } {
            tracing::warn!("an event of the GPU stays: {error:?}");
        }
    }
}

impl AllReduce {
    /// An identity for a new group: that of one process, given to all, makes them one.
    ///
    /// # Errors
    /// Where NCCL is not installed.
    pub fn identity() -> Result<Vec<u8>> {
        let mut id = UniqueId([0; 128]);
        // SAFETY: `id` is a live local.
        succeed("a new identity", unsafe { (Functions::get()?.get_unique_id)(&mut id) })?;
        Ok(id.0.to_vec())
    }

    /// Joins the group of an identity as the `rank`-th of `ranks` processes, and waits for the others.
    ///
    /// # Errors
    /// Where NCCL refuses: if two processes have the same GPU, or cannot reach each other.
    pub fn join(device: &Device, identity: &[u8], rank: usize, ranks: usize) -> Result<Self> {
        let functions = Functions::get()?;
        let id = identity.try_into().map(UniqueId);
        let id = id.map_err(|_| Error::Device("NCCL: the identity of a group has 128 bytes".to_owned()))?;
        device.bind()?;
        let mut communicator = std::ptr::null_mut();
        // SAFETY: `communicator` is a live local, and the device's context that of this thread.
        let status =
            unsafe { (functions.comm_init_rank)(&mut communicator, ranks as c_int, id, rank as c_int) };
        succeed("joining the other ranks", status)?;
        // Without an order to the default stream but by events: what trains goes on meanwhile.
        let stream =
            stream::create(stream::StreamKind::NonBlocking).map_err(|e| failed("a stream for NCCL", e))?;
        Ok(Self { device: device.clone(), group: Mutex::new(Group { communicator, stream }) })
    }

    /// Starts the sums over all processes of each of the buffers, in place, and returns at once. All processes call it with buffers of
    /// the same lengths in the same order. The buffers must be kept until the sums are [finished](Summing::finish).
    ///
    /// # Errors
    /// Where the GPU or NCCL refuses.
    pub fn begin<'a>(&self, buffers: impl Iterator<Item = &'a mut Buffer>) -> Result<Summing> {
        let functions = Functions::get()?;
        self.device.bind()?;
        // Buffers that have to be widened or copied are so before the sums.
        let parts = buffers
            .filter(|buffer| !buffer.is_empty())
            .map(|buffer| Ok((buffer.pointer_mut()?, buffer.len())))
            .collect::<Result<Vec<_>>>()?;
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        let training = *self.device.driver().cu_stream();
        Event::after(training)?.awaited_by(group.stream)?;
        // SAFETY: NCCL's groups have no preconditions.
        succeed("a group", unsafe { (functions.group_start)() })?;
        let summed = parts.into_iter().try_for_each(|(pointer, len)| {
            let pointer = pointer as *mut c_void;
            // SAFETY: the buffer holds `len` values of f32, and nobody uses it before the sum is made.
            let status = unsafe {
                (functions.all_reduce)(pointer, pointer, len, FLOAT, SUM, group.communicator, group.stream)
            };
            succeed("a sum", status)
        });
        // SAFETY: as above.
        let ended = succeed("a group", unsafe { (functions.group_end)() });
        summed.and(ended)?;
        Ok(Summing { device: self.device.clone(), made: Event::after(group.stream)? })
    }
}

impl Summing {
    /// All work that the device is given from here on comes after the sums. The host does not wait.
    ///
    /// # Errors
    /// Where the GPU refuses.
    pub fn finish(self) -> Result<()> {
        self.wait()
    }

    fn wait(&self) -> Result<()> {
        self.device.bind()?;
        self.made.awaited_by(*self.device.driver().cu_stream())
    }
}

impl Drop for Summing {
    /// The buffers may be freed now: on the stream that waits.
    fn drop(&mut self) {
        if let Err(error) = self.wait() {
            tracing::warn!("{error}");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Ok(functions) = Functions::get() else { return };
        // SAFETY: nobody uses them any more; NCCL waits for its own work.
        let status = unsafe { (functions.comm_destroy)(self.communicator) };
        // SAFETY: as above.
        let freed = unsafe { stream::destroy(self.stream) };
        if let Err(error) =
            succeed("leaving the other ranks", status).and(freed.map_err(|e| failed("a stream", e)))
        {
            tracing::warn!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a machine with NCCL two identities differ; on one without, the message is one sentence that gives the remedy.
    #[test]
    fn nccl_is_found_or_named() {
        match AllReduce::identity() {
            Ok(id) => assert!(id.len() == 128 && AllReduce::identity().unwrap() != id),
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("libnccl.so.2 was not found: install NCCL 2"), "{message}");
            }
        }
    }
}
