# Generated from infra/cloudformation_template.yaml by `make reference`.

output "profile" {
  value = lookup(aws_cloudformation_stack.this.outputs, "Profile", null)
}

output "aws_region" {
  value = lookup(aws_cloudformation_stack.this.outputs, "AwsRegion", null)
}

output "raw_uri" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RawUri", null)
}

output "processed_uri" {
  value = lookup(aws_cloudformation_stack.this.outputs, "ProcessedUri", null)
}

output "scripts_uri" {
  value = lookup(aws_cloudformation_stack.this.outputs, "ScriptsUri", null)
}

output "s3_lock_days" {
  value = lookup(aws_cloudformation_stack.this.outputs, "S3LockDays", null)
}

output "s3_lock_mode" {
  value = lookup(aws_cloudformation_stack.this.outputs, "S3LockMode", null)
}

output "raw_events_queue_url" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RawEventsQueueUrl", null)
}

output "glue_job_prefix" {
  value = lookup(aws_cloudformation_stack.this.outputs, "GlueJobPrefix", null)
}

output "glue_modules" {
  value = lookup(aws_cloudformation_stack.this.outputs, "GlueModules", null)
}

output "glue_from_bytes" {
  value = lookup(aws_cloudformation_stack.this.outputs, "GlueFromBytes", null)
}

output "data_catalog_database" {
  value = lookup(aws_cloudformation_stack.this.outputs, "DataCatalogDatabase", null)
}

output "open_tables" {
  value = lookup(aws_cloudformation_stack.this.outputs, "OpenTables", null)
}

output "redshift_host" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftHost", null)
}

output "redshift_port" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftPort", null)
}

output "redshift_database" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftDatabase", null)
}

output "redshift_schema" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftSchema", null)
}

output "redshift_workgroup" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftWorkgroup", null)
}

output "redshift_cluster" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftCluster", null)
}

output "redshift_secret_id" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftSecretId", null)
}

output "redshift_copy_role_arn" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftCopyRoleArn", null)
}

output "redshift_statement_timeout_seconds" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftStatementTimeoutSeconds", null)
}

output "redshift_query_group" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RedshiftQueryGroup", null)
}

output "failures_topic_arn" {
  value = lookup(aws_cloudformation_stack.this.outputs, "FailuresTopicArn", null)
}

output "anomalies_topic_arn" {
  value = lookup(aws_cloudformation_stack.this.outputs, "AnomaliesTopicArn", null)
}

output "metrics_namespace" {
  value = lookup(aws_cloudformation_stack.this.outputs, "MetricsNamespace", null)
}

output "ui_url" {
  value = lookup(aws_cloudformation_stack.this.outputs, "UiUrl", null)
}

output "entity" {
  value = lookup(aws_cloudformation_stack.this.outputs, "Entity", null)
}

output "currency" {
  value = lookup(aws_cloudformation_stack.this.outputs, "Currency", null)
}

output "fiscal_year_start_month" {
  value = lookup(aws_cloudformation_stack.this.outputs, "FiscalYearStartMonth", null)
}

output "baseline_scenario" {
  value = lookup(aws_cloudformation_stack.this.outputs, "BaselineScenario", null)
}

output "actuals_through" {
  value = lookup(aws_cloudformation_stack.this.outputs, "ActualsThrough", null)
}

output "earliest_date" {
  value = lookup(aws_cloudformation_stack.this.outputs, "EarliestDate", null)
}

output "latest_date" {
  value = lookup(aws_cloudformation_stack.this.outputs, "LatestDate", null)
}

output "closed_periods" {
  value = lookup(aws_cloudformation_stack.this.outputs, "ClosedPeriods", null)
}

output "approvals" {
  value = lookup(aws_cloudformation_stack.this.outputs, "Approvals", null)
}

output "close_working_day" {
  value = lookup(aws_cloudformation_stack.this.outputs, "CloseWorkingDay", null)
}

output "close_holidays" {
  value = lookup(aws_cloudformation_stack.this.outputs, "CloseHolidays", null)
}

output "restatement_alert_from" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RestatementAlertFrom", null)
}

output "materiality_amount" {
  value = lookup(aws_cloudformation_stack.this.outputs, "MaterialityAmount", null)
}

output "materiality_percent" {
  value = lookup(aws_cloudformation_stack.this.outputs, "MaterialityPercent", null)
}

output "materiality_by_account" {
  value = lookup(aws_cloudformation_stack.this.outputs, "MaterialityByAccount", null)
}

output "retention_days" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RetentionDays", null)
}

output "run_retention_days" {
  value = lookup(aws_cloudformation_stack.this.outputs, "RunRetentionDays", null)
}

output "auto_refresh" {
  value = lookup(aws_cloudformation_stack.this.outputs, "AutoRefresh", null)
}

output "alert_run_finished" {
  value = lookup(aws_cloudformation_stack.this.outputs, "AlertRunFinished", null)
}

output "image_repository_uri" {
  value = lookup(aws_cloudformation_stack.this.outputs, "ImageRepositoryUri", null)
}

output "task_subnet_ids" {
  value = lookup(aws_cloudformation_stack.this.outputs, "TaskSubnetIds", null)
}

output "task_security_group_id" {
  value = lookup(aws_cloudformation_stack.this.outputs, "TaskSecurityGroupId", null)
}

output "warehouse_admin_secret_arn" {
  value = lookup(aws_cloudformation_stack.this.outputs, "WarehouseAdminSecretArn", null)
}

output "warehouse_admin_role_arn" {
  value = lookup(aws_cloudformation_stack.this.outputs, "WarehouseAdminRoleArn", null)
}

output "dashboard_url" {
  value = lookup(aws_cloudformation_stack.this.outputs, "DashboardUrl", null)
}
