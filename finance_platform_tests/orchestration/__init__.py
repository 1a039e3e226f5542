"""What imports Dagster: definitions, assets, checks, sensors, pages of the UI, processes of jobs."""
