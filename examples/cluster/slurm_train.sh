#!/bin/bash
# Trains on all GPUs of several nodes (docs/training.md, "Several GPUs and machines"):
#   sbatch examples/cluster/slurm_train.sh aist.cmmd /shared/run1
# Submitted again for the same folder, it goes on from the last checkpoint.
#SBATCH --job-name=cmmd-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
set -euo pipefail

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
ranks=$((SLURM_JOB_NUM_NODES * SLURM_GPUS_ON_NODE))
words=("$1" --set "loop.micro_batches=$ranks")
if [ -e "$2/config.yaml" ]; then
  words=(--resume)
fi
srun torchrun --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "$SLURM_GPUS_ON_NODE" --rdzv-backend c10d \
  --rdzv-endpoint "$head:29500" --rdzv-id "$SLURM_JOB_ID" --max-restarts 3 -m cmmd train "${words[@]}" --out "$2"
