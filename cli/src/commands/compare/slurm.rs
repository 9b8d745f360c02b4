//! The cells of a comparison as an array of jobs for SLURM.

/// A script for `sbatch`, with a task for each command. In the job's name, quotes, blanks and the like are `_`.
pub fn script(name: &str, commands: &[String]) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let cases = commands.iter().enumerate().map(|(task, command)| format!("{task}) {command} ;;"));
    format!(
        "#!/bin/bash\n#SBATCH --job-name=compare-{name}\n#SBATCH --array=0-{}\n#SBATCH --output=%x-%A_%a.log\n# One \
         cell in each task. When all are done, the same command without --list and --slurm prints the \
         table.\nset -eu\ncase \"$SLURM_ARRAY_TASK_ID\" in\n{}\n*) echo \"there is no task \
         $SLURM_ARRAY_TASK_ID\" >&2; exit 1 ;;\nesac",
        commands.len().saturating_sub(1),
        cases.collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn each_task_runs_its_own_command() {
        let script = super::script("a it's", &["echo 'one  cell'".to_owned(), "echo two".to_owned()]);
        assert!(
            script.contains("\n#SBATCH --array=0-1\n") && script.contains("--job-name=compare-a_it_s\n"),
            "{script}"
        );
        let run = |task: &str| {
            Command::new("bash").args(["-c", &script]).env("SLURM_ARRAY_TASK_ID", task).output().unwrap()
        };
        assert_eq!(run("0").stdout, b"one  cell\n");
        assert_eq!(run("1").stdout, b"two\n");
        assert!(!run("2").status.success());
    }
}
