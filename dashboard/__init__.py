"""The pages an analyst reads. They see the published folder and nothing else."""
