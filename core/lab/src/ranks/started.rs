//! Whether an MPI launcher started this process as one of several ranks.

/// The number of ranks that `mpirun` or `srun` started, from the environment. `None` if neither started this
/// process.
pub fn started() -> Option<usize> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    // srun sets SLURM_NTASKS for programs without MPI too.
    let by_slurm = || std::env::var_os("PMIX_RANK").and_then(|_| number("SLURM_NTASKS"));
    number("OMPI_COMM_WORLD_SIZE").or_else(|| number("PMI_SIZE")).or_else(by_slurm)
}

/// The number of this process among the ranks on this machine, from 0, if the launcher gives it.
pub fn local_rank() -> Option<usize> {
    let names = ["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"];
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// The number of ranks on this machine, if the launcher gives it.
pub fn on_this_machine() -> Option<usize> {
    let names = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"];
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// The number of this rank, from the launcher's environment. It is known before the process joins the other
/// ranks.
pub fn rank_as_started() -> Option<usize> {
    let names = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}
