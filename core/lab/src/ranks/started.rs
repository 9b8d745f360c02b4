//! Whether this process is one of several that a starter of MPI programs has started.

/// How many ranks `mpirun` or `srun` has started, as its environment says; `None` where neither has started this process.
pub fn started() -> Option<usize> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    // srun sets SLURM_NTASKS for programs without MPI as well.
    let by_slurm = || std::env::var_os("PMIX_RANK").and_then(|_| number("SLURM_NTASKS"));
    number("OMPI_COMM_WORLD_SIZE").or_else(|| number("PMI_SIZE")).or_else(by_slurm)
}

/// Which of the ranks on this machine this process is, from 0, where the starter says so.
pub fn local_rank() -> Option<usize> {
    let names = ["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"];
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// How many of the ranks are on this machine, where the starter says so.
pub fn on_this_machine() -> Option<usize> {
    let names = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"];
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// Which of the ranks this process is, as the starter's environment says, before it has joined them.
pub fn rank_as_started() -> Option<usize> {
    let names = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}
