#!/bin/bash
# Prepares a folder of clips in eight jobs of a Slurm array, which fill one folder together:
#   sbatch examples/cluster/slurm_prepare.sh /shared/clips /shared/prepared
# A job that was killed, or that failed, is submitted again with the same --array; complete shards are not made again.
#SBATCH --job-name=cmmd-prepare
#SBATCH --array=0-7
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
set -euo pipefail

cmmd prepare "$1" "$2" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --workers "$SLURM_CPUS_PER_TASK"
