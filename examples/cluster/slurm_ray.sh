#!/bin/bash
# Generates a folder of clips on all nodes of a Slurm job, with one Ray cluster for the length of the job:
#   sbatch --nodes 4 examples/cluster/slurm_ray.sh /shared/clips /shared/results --steps 25
#SBATCH --job-name=cmmd-generate
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
set -euo pipefail

export RAY_USAGE_STATS_ENABLED=0
nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes%%$'\n'*}
# The command is the head's; its node works too. Every node runs until this script ends the job step.
srun --nodes=1 --ntasks=1 --nodelist="$head" \
  ray start --head --port=6379 --include-dashboard=false --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep "${RAY_HEAD_SECONDS:-20}"
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
  srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" \
    ray start --address="$head:6379" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
fi
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

clips=$1 results=$2
shift 2
RAY_ADDRESS="$head:6379" cmmd generate "$clips" --out "$results" --engine ray "$@"
