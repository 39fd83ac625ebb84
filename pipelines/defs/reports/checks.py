"""What the gates found in reports of a whole market."""

from pipelines.defs.reports.assets import REPORTS, rhythm_of
from pipelines.defs.stage_asset import gates_refused_nothing

report_checks = [gates_refused_nothing(stage, rhythm_of(stage).partitions) for stage in REPORTS]
