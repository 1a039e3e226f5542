# Generated from infra/cloudformation_template.yaml by `make reference`.

variable "entity" {
  description = "Name of the company, as reports show it."
  type        = string
  default     = null
  validation {
    condition     = var.entity == null || can(regex("^(?:[^\\s].{0,99})$", var.entity))
    error_message = "Entity: expected 1 to 100 characters, the first no space."
  }
}

variable "currency" {
  description = "The one currency of all amounts, ISO 4217."
  type        = string
  default     = null
  validation {
    condition     = var.currency == null || can(regex("^(?:[A-Z]{3})$", var.currency))
    error_message = "Currency: expected three capital letters, such as USD."
  }
}

variable "fiscal_year_start_month" {
  description = "First month of the fiscal year."
  type        = number
  default     = null
  validation {
    condition     = var.fiscal_year_start_month == null || try(var.fiscal_year_start_month >= 1, false)
    error_message = "FiscalYearStartMonth: expected at least 1."
  }
  validation {
    condition     = var.fiscal_year_start_month == null || try(var.fiscal_year_start_month <= 12, false)
    error_message = "FiscalYearStartMonth: expected at most 12."
  }
}

variable "baseline_scenario" {
  description = "The scenario that budgets are compared with."
  type        = string
  default     = null
  validation {
    condition     = var.baseline_scenario == null || can(regex("^(?:(Budget|Forecast)[A-Za-z0-9 _-]{0,40})$", var.baseline_scenario))
    error_message = "BaselineScenario: expected the name of a budget or forecast, such as Budget or Budget Q1."
  }
}

variable "actuals_through" {
  description = "Last period that actuals cover, gaps included (YYYY-MM); empty for the periods that have actuals."
  type        = string
  default     = null
  validation {
    condition     = var.actuals_through == null || can(regex("^(?:(\\d{4}-(0[1-9]|1[0-2]))?)$", var.actuals_through))
    error_message = "ActualsThrough: expected YYYY-MM, or nothing."
  }
}

variable "earliest_date" {
  description = "Dates before this are rejected."
  type        = string
  default     = null
  validation {
    condition     = var.earliest_date == null || can(regex("^(?:\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01]))$", var.earliest_date))
    error_message = "EarliestDate: expected YYYY-MM-DD."
  }
}

variable "latest_date" {
  description = "Dates after this are rejected."
  type        = string
  default     = null
  validation {
    condition     = var.latest_date == null || can(regex("^(?:\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01]))$", var.latest_date))
    error_message = "LatestDate: expected YYYY-MM-DD."
  }
}

variable "closed_periods" {
  description = "Whether a change of a closed period waits for a decision, or is published at once."
  type        = string
  default     = null
  validation {
    condition     = var.closed_periods == null || try(contains(["hold", "publish"], tostring(var.closed_periods)), false)
    error_message = "ClosedPeriods: expected one of hold, publish."
  }
}

variable "approvals" {
  description = "How many people have to give a command that decides: accept, withdraw, close, reopen."
  type        = string
  default     = null
  validation {
    condition     = var.approvals == null || try(contains(["one", "two"], tostring(var.approvals)), false)
    error_message = "Approvals: expected one of one, two."
  }
}

variable "close_working_day" {
  description = "Working day of the month on which the books close; a refresh runs that morning. Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.close_working_day == null || can(regex("^(?:([1-9]|1\\d|20)?)$", var.close_working_day))
    error_message = "CloseWorkingDay: expected 1 to 20, or nothing."
  }
}

variable "close_holidays" {
  description = "Holidays in addition to weekends - YYYY-MM-DD with commas between."
  type        = string
  default     = null
  validation {
    condition     = var.close_holidays == null || can(regex("^(?:(\\d{4}-\\d{2}-\\d{2}(,\\d{4}-\\d{2}-\\d{2})*)?)$", var.close_holidays))
    error_message = "CloseHolidays: expected days as YYYY-MM-DD with commas between, or nothing."
  }
}

variable "restatement_alert_from" {
  description = "Gross amount of one scenario in closed periods that raises an alert."
  type        = string
  default     = null
  validation {
    condition     = var.restatement_alert_from == null || can(regex("^(?:\\d{1,15}(\\.\\d{1,2})?)$", var.restatement_alert_from))
    error_message = "RestatementAlertFrom: expected an amount such as 1000.00."
  }
}

variable "materiality_amount" {
  description = "Least amount of a material variance, which needs a comment."
  type        = string
  default     = null
  validation {
    condition     = var.materiality_amount == null || can(regex("^(?:\\d{1,15}(\\.\\d{1,2})?)$", var.materiality_amount))
    error_message = "MaterialityAmount: expected an amount such as 25000.00."
  }
}

variable "materiality_percent" {
  description = "Least per cent of the reference of a material variance; amount and per cent must both be reached."
  type        = string
  default     = null
  validation {
    condition     = var.materiality_percent == null || can(regex("^(?:\\d{1,7}(\\.\\d{1,2})?)$", var.materiality_percent))
    error_message = "MaterialityPercent: expected a number such as 3.00."
  }
}

variable "materiality_by_account" {
  description = "Other thresholds for accounts or types, such as Revenue=100000/5,6110=5000/10. Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.materiality_by_account == null || can(regex("^(?:([^,=]+=\\d{1,15}(\\.\\d{1,2})?/\\d{1,7}(\\.\\d{1,2})?(,|$))*)$", var.materiality_by_account))
    error_message = "MaterialityByAccount: expected ACCOUNT=AMOUNT/PERCENT with commas between, or nothing."
  }
}

variable "retention_days" {
  description = "Days for which superseded deliveries and versions are kept before vacuum removes them."
  type        = number
  default     = null
  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 0, false)
    error_message = "RetentionDays: expected at least 0."
  }
  validation {
    condition     = var.retention_days == null || try(var.retention_days <= 3650, false)
    error_message = "RetentionDays: expected at most 3650."
  }
}

variable "run_retention_days" {
  description = "Days for which Dagster keeps runs and their events; 0 keeps them."
  type        = number
  default     = null
  validation {
    condition     = var.run_retention_days == null || try(var.run_retention_days >= 0, false)
    error_message = "RunRetentionDays: expected at least 0."
  }
  validation {
    condition     = var.run_retention_days == null || try(var.run_retention_days <= 3650, false)
    error_message = "RunRetentionDays: expected at most 3650."
  }
}

variable "auto_refresh" {
  description = "Whether the sensors are on by default."
  type        = string
  default     = null
  validation {
    condition     = var.auto_refresh == null || try(contains(["true", "false"], tostring(var.auto_refresh)), false)
    error_message = "AutoRefresh: expected one of true, false."
  }
}

variable "alert_run_finished" {
  description = "Whether a run that succeeds sends an alert, too."
  type        = string
  default     = null
  validation {
    condition     = var.alert_run_finished == null || try(contains(["true", "false"], tostring(var.alert_run_finished)), false)
    error_message = "AlertRunFinished: expected one of true, false."
  }
}

variable "warehouse" {
  description = "Redshift Serverless, paid while it runs queries, or a cluster, paid by the hour. A change creates a new warehouse."
  type        = string
  default     = null
  validation {
    condition     = var.warehouse == null || try(contains(["serverless", "provisioned"], tostring(var.warehouse)), false)
    error_message = "Warehouse: expected one of serverless, provisioned."
  }
}

variable "warehouse_base_capacity" {
  description = "Serverless - base capacity in RPUs. 4 is not available in every region."
  type        = number
  default     = null
  validation {
    condition     = var.warehouse_base_capacity == null || try(contains(["4", "8", "16", "24", "32", "64", "128", "256", "512"], tostring(var.warehouse_base_capacity)), false)
    error_message = "WarehouseBaseCapacity: expected one of 4, 8, 16, 24, 32, 64, 128, 256, 512."
  }
}

variable "warehouse_max_capacity" {
  description = "Serverless - maximum capacity in RPUs, which limits the cost of an hour."
  type        = number
  default     = null
  validation {
    condition     = var.warehouse_max_capacity == null || try(contains(["8", "16", "24", "32", "64", "128", "256", "512", "1024"], tostring(var.warehouse_max_capacity)), false)
    error_message = "WarehouseMaxCapacity: expected one of 8, 16, 24, 32, 64, 128, 256, 512, 1024."
  }
}

variable "cluster_node_type" {
  description = "Provisioned - the type of the nodes."
  type        = string
  default     = null
  validation {
    condition     = var.cluster_node_type == null || try(contains(["ra3.large", "ra3.xlplus", "ra3.4xlarge", "ra3.16xlarge"], tostring(var.cluster_node_type)), false)
    error_message = "ClusterNodeType: expected one of ra3.large, ra3.xlplus, ra3.4xlarge, ra3.16xlarge."
  }
}

variable "cluster_nodes" {
  description = "Provisioned - the number of nodes. 2 or more make a multi-node cluster; ra3.4xlarge and larger need 2."
  type        = number
  default     = null
  validation {
    condition     = var.cluster_nodes == null || try(var.cluster_nodes >= 1, false)
    error_message = "ClusterNodes: expected at least 1."
  }
  validation {
    condition     = var.cluster_nodes == null || try(var.cluster_nodes <= 32, false)
    error_message = "ClusterNodes: expected at most 32."
  }
}

variable "database_name" {
  description = "The warehouse's database."
  type        = string
  default     = null
  validation {
    condition     = var.database_name == null || can(regex("^(?:[a-z][a-z0-9_]{0,62})$", var.database_name))
    error_message = "DatabaseName: expected small letters, digits and underscores, beginning with a letter."
  }
}

variable "schema_name" {
  description = "The star's schema."
  type        = string
  default     = null
  validation {
    condition     = var.schema_name == null || can(regex("^(?:[a-z_][a-z0-9_]{0,62})$", var.schema_name))
    error_message = "SchemaName: expected small letters, digits and underscores, not beginning with a digit."
  }
}

variable "statement_timeout_seconds" {
  description = "Seconds after which the warehouse stops a statement of the platform, such as the COPY of a whole year."
  type        = number
  default     = null
  validation {
    condition     = var.statement_timeout_seconds == null || try(var.statement_timeout_seconds >= 60, false)
    error_message = "StatementTimeoutSeconds: expected at least 60."
  }
  validation {
    condition     = var.statement_timeout_seconds == null || try(var.statement_timeout_seconds <= 86400, false)
    error_message = "StatementTimeoutSeconds: expected at most 86400."
  }
}

variable "query_group" {
  description = "The query group of the platform's sessions, for workload management (a queue, a query monitoring rule). Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.query_group == null || can(regex("^(?:[A-Za-z0-9_ -]{0,64})$", var.query_group))
    error_message = "QueryGroup: expected at most 64 letters, digits, spaces, underscores and hyphens."
  }
}

variable "release" {
  description = "The release of the artefacts that the Glue jobs run; `finance-platform deploy` sets it."
  type        = string
  validation {
    condition     = can(regex("^(?:[0-9a-f]{12})$", var.release))
    error_message = "Release: expected the 12 hexadecimal digits that `make dist` prints."
  }
}

variable "additional_python_modules" {
  description = "The wheels of that release; `finance-platform deploy` sets them."
  type        = string
  validation {
    condition     = can(regex("^(?:s3://[a-z0-9./_-]+\\.whl(,s3://[a-z0-9./_-]+\\.whl)*)$", var.additional_python_modules))
    error_message = "AdditionalPythonModules: expected addresses of wheels on S3 with commas between."
  }
}

variable "glue_version" {
  description = "Version of Glue that the jobs run in; an older one for regions and accounts without 6.0. `finance-platform deploy` chooses the wheels that fit."
  type        = string
  default     = null
  validation {
    condition     = var.glue_version == null || try(contains(["6.0", "5.1", "5.0"], tostring(var.glue_version)), false)
    error_message = "GlueVersion: expected one of 6.0, 5.1, 5.0."
  }
}

variable "glue_from_bytes" {
  description = "Bytes of text from which Glue runs a job. Smaller jobs run in the task of the run, whose memory (RunSize) bounds them. 0 for always Glue."
  type        = number
  default     = null
  validation {
    condition     = var.glue_from_bytes == null || try(var.glue_from_bytes >= 0, false)
    error_message = "GlueFromBytes: expected at least 0."
  }
  validation {
    condition     = var.glue_from_bytes == null || try(var.glue_from_bytes <= 1000000000000, false)
    error_message = "GlueFromBytes: expected at most 1000000000000."
  }
}

variable "glue_worker_type" {
  description = "Size of a worker of the Glue jobs, and so its disk. G.12X, G.16X and the R types are not in every region."
  type        = string
  default     = null
  validation {
    condition     = var.glue_worker_type == null || try(contains(["G.1X", "G.2X", "G.4X", "G.8X", "G.12X", "G.16X", "R.1X", "R.2X", "R.4X", "R.8X"], tostring(var.glue_worker_type)), false)
    error_message = "GlueWorkerType: expected one of G.1X, G.2X, G.4X, G.8X, G.12X, G.16X, R.1X, R.2X, R.4X, R.8X."
  }
}

variable "glue_workers" {
  description = "Maximum number of workers of a Glue job, which scales automatically up to it."
  type        = number
  default     = null
  validation {
    condition     = var.glue_workers == null || try(var.glue_workers >= 2, false)
    error_message = "GlueWorkers: expected at least 2."
  }
  validation {
    condition     = var.glue_workers == null || try(var.glue_workers <= 100, false)
    error_message = "GlueWorkers: expected at most 100."
  }
}

variable "glue_timeout_minutes" {
  description = "Time after which a Glue job is stopped."
  type        = number
  default     = null
  validation {
    condition     = var.glue_timeout_minutes == null || try(var.glue_timeout_minutes >= 5, false)
    error_message = "GlueTimeoutMinutes: expected at least 5."
  }
  validation {
    condition     = var.glue_timeout_minutes == null || try(var.glue_timeout_minutes <= 2880, false)
    error_message = "GlueTimeoutMinutes: expected at most 2880."
  }
}

variable "glue_metrics" {
  description = "Whether the Glue jobs send CloudWatch metrics of their own, which are billed; the platform's metrics do not need them."
  type        = string
  default     = null
  validation {
    condition     = var.glue_metrics == null || try(contains(["on", "off"], tostring(var.glue_metrics)), false)
    error_message = "GlueMetrics: expected one of on, off."
  }
}

variable "raw_crawler" {
  description = "Whether a Glue crawler lists the raw zone's files in the Data Catalog; the platform does not use it."
  type        = string
  default     = null
  validation {
    condition     = var.raw_crawler == null || try(contains(["on", "off"], tostring(var.raw_crawler)), false)
    error_message = "RawCrawler: expected one of on, off."
  }
}

variable "open_tables" {
  description = "Whether the tables of the processed zone are Delta tables, too."
  type        = string
  default     = null
  validation {
    condition     = var.open_tables == null || try(contains(["on", "off"], tostring(var.open_tables)), false)
    error_message = "OpenTables: expected one of on, off."
  }
}

variable "governed_catalog" {
  description = "Whether the account's Data Catalog is governed (AWS::LakeFormation). The stack then grants the platform and the warehouse what they need; the deploying role must be an administrator of the catalog."
  type        = string
  default     = null
  validation {
    condition     = var.governed_catalog == null || try(contains(["on", "off"], tostring(var.governed_catalog)), false)
    error_message = "GovernedCatalog: expected one of on, off."
  }
}

variable "image" {
  description = "The platform's image in the stack's repository, by tag or digest. Without one the stack has no Dagster."
  type        = string
  default     = null
  validation {
    condition     = var.image == null || can(regex("^(?:(\\d{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+(:[A-Za-z0-9._-]{1,128}|@sha256:[0-9a-f]{64}))?)$", var.image))
    error_message = "Image: expected an image of ECR with its tag or digest, or nothing."
  }
}

variable "cpu_architecture" {
  description = "Processor architecture of the image."
  type        = string
  default     = null
  validation {
    condition     = var.cpu_architecture == null || try(contains(["X86_64", "ARM64"], tostring(var.cpu_architecture)), false)
    error_message = "CpuArchitecture: expected one of X86_64, ARM64."
  }
}

variable "run_size" {
  description = "Size of the task of a run - 1, 2 or 4 CPUs with 4, 8 or 16 GB."
  type        = string
  default     = null
  validation {
    condition     = var.run_size == null || try(contains(["small", "medium", "large"], tostring(var.run_size)), false)
    error_message = "RunSize: expected one of small, medium, large."
  }
}

variable "records_instance_class" {
  description = "Size of the PostgreSQL that stores Dagster's records of runs."
  type        = string
  default     = null
  validation {
    condition     = var.records_instance_class == null || try(contains(["db.t4g.micro", "db.t4g.small", "db.t4g.medium", "db.t4g.large", "db.m7g.large", "db.m7g.xlarge"], tostring(var.records_instance_class)), false)
    error_message = "RecordsInstanceClass: expected one of db.t4g.micro, db.t4g.small, db.t4g.medium, db.t4g.large, db.m7g.large, db.m7g.xlarge."
  }
}

variable "records_storage" {
  description = "GB for Dagster's records; the storage grows automatically."
  type        = number
  default     = null
  validation {
    condition     = var.records_storage == null || try(var.records_storage >= 20, false)
    error_message = "RecordsStorage: expected at least 20."
  }
  validation {
    condition     = var.records_storage == null || try(var.records_storage <= 1000, false)
    error_message = "RecordsStorage: expected at most 1000."
  }
}

variable "records_in_two_zones" {
  description = "Whether Dagster's records have a standby in another availability zone."
  type        = string
  default     = null
  validation {
    condition     = var.records_in_two_zones == null || try(contains(["true", "false"], tostring(var.records_in_two_zones)), false)
    error_message = "RecordsInTwoZones: expected one of true, false."
  }
}

variable "network_prefix" {
  description = "First two numbers of the network's private addresses, which are PREFIX.0.0/16. It cannot change later."
  type        = string
  default     = null
  validation {
    condition     = var.network_prefix == null || can(regex("^(?:(10\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)|172\\.(1[6-9]|2\\d|3[01])|192\\.168))$", var.network_prefix))
    error_message = "NetworkPrefix: expected the beginning of a private network, such as 10.42 or 172.20."
  }
}

variable "zone_a" {
  description = "First availability zone of the network; empty for the region's first three, all of which need Redshift Serverless. It cannot change later."
  type        = string
  default     = null
  validation {
    condition     = var.zone_a == null || can(regex("^(?:([a-z]{2}(-[a-z]+)+-\\d[a-z])?)$", var.zone_a))
    error_message = "ZoneA: expected a zone's name, such as eu-central-1a, or nothing."
  }
}

variable "zone_b" {
  description = "Second availability zone; required together with the first."
  type        = string
  default     = null
  validation {
    condition     = var.zone_b == null || can(regex("^(?:([a-z]{2}(-[a-z]+)+-\\d[a-z])?)$", var.zone_b))
    error_message = "ZoneB: expected a zone's name, such as eu-central-1a, or nothing."
  }
}

variable "zone_c" {
  description = "Third availability zone; required together with the first."
  type        = string
  default     = null
  validation {
    condition     = var.zone_c == null || can(regex("^(?:([a-z]{2}(-[a-z]+)+-\\d[a-z])?)$", var.zone_c))
    error_message = "ZoneC: expected a zone's name, such as eu-central-1a, or nothing."
  }
}

variable "endpoint_zones" {
  description = "Whether the endpoints of AWS's services are in one availability zone or in all three, at three times the cost."
  type        = string
  default     = null
  validation {
    condition     = var.endpoint_zones == null || try(contains(["one", "all"], tostring(var.endpoint_zones)), false)
    error_message = "EndpointZones: expected one of one, all."
  }
}

variable "ui_allowed_cidr" {
  description = "Addresses that may open the Dagster UI, which has a login only if one is set below. It is never on the internet."
  type        = string
  default     = null
  validation {
    condition     = var.ui_allowed_cidr == null || can(regex("^(?:(\\d{1,3}\\.){3}\\d{1,3}/([89]|[12]\\d|3[0-2]))$", var.ui_allowed_cidr))
    error_message = "UiAllowedCidr: expected a network such as 10.20.0.0/16; the whole internet is not allowed."
  }
}

variable "ui_certificate_arn" {
  description = "Certificate of the UI, in ACM; without one the UI uses HTTP inside the network."
  type        = string
  default     = null
  validation {
    condition     = var.ui_certificate_arn == null || can(regex("^(?:(arn:aws[a-z-]*:acm:[a-z0-9-]+:\\d{12}:certificate/[A-Za-z0-9-]+)?)$", var.ui_certificate_arn))
    error_message = "UiCertificateArn: expected the ARN of a certificate in ACM, or nothing."
  }
}

variable "ui_host_name" {
  description = "The host name in that certificate; your DNS must point it at the load balancer."
  type        = string
  default     = null
  validation {
    condition     = var.ui_host_name == null || can(regex("^(?:([a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+)?)$", var.ui_host_name))
    error_message = "UiHostName: expected a host name such as finance.example.com, or nothing."
  }
}

variable "ui_login_issuer" {
  description = "Issuer of an OpenID Connect provider (Cognito, Entra ID, Okta) that people log in with before they see the UI. Empty for no login."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_issuer == null || can(regex("^(?:(https://[^\\s]{4,200})?)$", var.ui_login_issuer))
    error_message = "UiLoginIssuer: expected the provider's issuer, an https address, or nothing."
  }
}

variable "ui_login_authorization_url" {
  description = "The provider's address at which people log in."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_authorization_url == null || can(regex("^(?:(https://[^\\s]{4,200})?)$", var.ui_login_authorization_url))
    error_message = "UiLoginAuthorizationUrl: expected an https address, or nothing."
  }
}

variable "ui_login_token_url" {
  description = "The provider's address at which the load balancer fetches tokens."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_token_url == null || can(regex("^(?:(https://[^\\s]{4,200})?)$", var.ui_login_token_url))
    error_message = "UiLoginTokenUrl: expected an https address, or nothing."
  }
}

variable "ui_login_user_info_url" {
  description = "The provider's address at which the load balancer reads who logged in."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_user_info_url == null || can(regex("^(?:(https://[^\\s]{4,200})?)$", var.ui_login_user_info_url))
    error_message = "UiLoginUserInfoUrl: expected an https address, or nothing."
  }
}

variable "ui_login_client_id" {
  description = "The UI's client id at that provider; its redirect address is https://UiHostName/oauth2/idpresponse."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_client_id == null || can(regex("^(?:[A-Za-z0-9._~:/-]{0,200})$", var.ui_login_client_id))
    error_message = "UiLoginClientId: expected a client id, or nothing."
  }
}

variable "ui_login_secret_arn" {
  description = "Secret with the key client_secret of that client."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_secret_arn == null || can(regex("^(?:(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[A-Za-z0-9/_+=.@-]+)?)$", var.ui_login_secret_arn))
    error_message = "UiLoginSecretArn: expected the ARN of a secret, or nothing."
  }
}

variable "ui_login_gateway_cidr" {
  description = "With a login - addresses of the provider's endpoints, which the load balancer calls on port 443; a route must lead there."
  type        = string
  default     = null
  validation {
    condition     = var.ui_login_gateway_cidr == null || can(regex("^(?:(\\d{1,3}\\.){3}\\d{1,3}/(\\d|[12]\\d|3[0-2]))$", var.ui_login_gateway_cidr))
    error_message = "UiLoginGatewayCidr: expected a network such as 10.20.0.0/16."
  }
}

variable "bi_allowed_cidr" {
  description = "Addresses from which BI tools may query the warehouse, such as the subnet of QuickSight or of the office. Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.bi_allowed_cidr == null || can(regex("^(?:((\\d{1,3}\\.){3}\\d{1,3}/([89]|[12]\\d|3[0-2]))?)$", var.bi_allowed_cidr))
    error_message = "BiAllowedCidr: expected a network such as 10.20.0.0/16, or nothing; the whole internet is not allowed."
  }
}

variable "allow_port_forwarding" {
  description = "Whether people with the IAM permission may forward a port through a task (Session Manager), as a substitute for a VPN."
  type        = string
  default     = null
  validation {
    condition     = var.allow_port_forwarding == null || try(contains(["yes", "no"], tostring(var.allow_port_forwarding)), false)
    error_message = "AllowPortForwarding: expected one of yes, no."
  }
}

variable "quick_sight_owner" {
  description = "QuickSight user or group that owns the data sets, the analysis and the dashboard. Empty for no QuickSight."
  type        = string
  default     = null
  validation {
    condition     = var.quick_sight_owner == null || can(regex("^(?:(arn:aws[a-z-]*:quicksight:[a-z0-9-]+:\\d{12}:(user|group)/[^\\s]+)?)$", var.quick_sight_owner))
    error_message = "QuickSightOwner: expected the ARN of a user or group of QuickSight, or nothing."
  }
}

variable "quick_sight_readers" {
  description = "QuickSight group that may read the dashboard, each reader the business units of BusinessUnitAccess. Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.quick_sight_readers == null || can(regex("^(?:(arn:aws[a-z-]*:quicksight:[a-z0-9-]+:\\d{12}:(user|group)/[^\\s]+)?)$", var.quick_sight_readers))
    error_message = "QuickSightReaders: expected the ARN of a user or group of QuickSight, or nothing."
  }
}

variable "quick_sight_secret_arn" {
  description = "Secret with username and password of QuickSight's database user, which has the role finance_analyst (docs/bi.md)."
  type        = string
  default     = null
  validation {
    condition     = var.quick_sight_secret_arn == null || can(regex("^(?:(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[A-Za-z0-9/_+=.@-]+)?)$", var.quick_sight_secret_arn))
    error_message = "QuickSightSecretArn: expected the ARN of a secret, or nothing."
  }
}

variable "quick_sight_period" {
  description = "The period that the dashboard opens with (YYYY-MM); readers choose others."
  type        = string
  default     = null
  validation {
    condition     = var.quick_sight_period == null || can(regex("^(?:(\\d{4}-(0[1-9]|1[0-2]))?)$", var.quick_sight_period))
    error_message = "QuickSightPeriod: expected YYYY-MM, or nothing."
  }
}

variable "alert_email" {
  description = "Address that receives alerts after it has confirmed the subscription. Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.alert_email == null || can(regex("^(?:([^@\\s,]+@[^@\\s,]+\\.[^@\\s,]+)?)$", var.alert_email))
    error_message = "AlertEmail: expected one e-mail address, or nothing."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the platform's metrics."
  type        = string
  default     = null
  validation {
    condition     = var.metrics_namespace == null || can(regex("^(?:[A-Za-z][A-Za-z0-9_.-]{0,100})$", var.metrics_namespace))
    error_message = "MetricsNamespace: expected letters, digits, dots, underscores and hyphens, beginning with a letter."
  }
}

variable "money_rejected_from" {
  description = "Money in rejected rows of one feed's deliveries read by one run that raises an alarm."
  type        = number
  default     = null
  validation {
    condition     = var.money_rejected_from == null || try(var.money_rejected_from >= 0, false)
    error_message = "MoneyRejectedFrom: expected at least 0."
  }
}

variable "freshness_days" {
  description = "Days since a feed's last delivery that raise an alarm; 35 for monthly files."
  type        = string
  default     = null
  validation {
    condition     = var.freshness_days == null || try(contains(["1", "2", "3", "7", "14", "35", "100", "370"], tostring(var.freshness_days)), false)
    error_message = "FreshnessDays: expected one of 1, 2, 3, 7, 14, 35, 100, 370."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = null
  validation {
    condition     = var.log_retention_days == null || try(contains(["7", "14", "30", "60", "90", "180", "365", "731", "1827", "3653"], tostring(var.log_retention_days)), false)
    error_message = "LogRetentionDays: expected one of 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653."
  }
}

variable "permissions_boundary_arn" {
  description = "A policy that bounds the rights of every role of the stack. Empty for none."
  type        = string
  default     = null
  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^(?:(arn:aws[a-z-]*:iam::(\\d{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+)?)$", var.permissions_boundary_arn))
    error_message = "PermissionsBoundaryArn: expected the ARN of a policy, or nothing."
  }
}

variable "object_lock_days" {
  description = "Days for which no version of a raw file can be deleted (S3 Object Lock); 0 for no lock. It cannot be switched off later."
  type        = number
  default     = null
  validation {
    condition     = var.object_lock_days == null || try(var.object_lock_days >= 0, false)
    error_message = "ObjectLockDays: expected at least 0."
  }
  validation {
    condition     = var.object_lock_days == null || try(var.object_lock_days <= 36500, false)
    error_message = "ObjectLockDays: expected at most 36500."
  }
}

variable "object_lock_mode" {
  description = "Whether some roles may lift these locks (GOVERNANCE) or none, not even the account's owner (COMPLIANCE)."
  type        = string
  default     = null
  validation {
    condition     = var.object_lock_mode == null || try(contains(["GOVERNANCE", "COMPLIANCE"], tostring(var.object_lock_mode)), false)
    error_message = "ObjectLockMode: expected one of GOVERNANCE, COMPLIANCE."
  }
}

variable "register_lock_days" {
  description = "Days for which no version of what the register, loads and signatures write can be deleted (S3 Object Lock); 0 for no lock. It cannot be switched off later."
  type        = number
  default     = null
  validation {
    condition     = var.register_lock_days == null || try(var.register_lock_days >= 0, false)
    error_message = "RegisterLockDays: expected at least 0."
  }
  validation {
    condition     = var.register_lock_days == null || try(var.register_lock_days <= 36500, false)
    error_message = "RegisterLockDays: expected at most 36500."
  }
}

variable "rotate_passwords" {
  description = "Whether Redshift and RDS make the passwords of the warehouse's owner and of Dagster's records and rotate them, every 30 and every 7 days. Off for generated ones that stay."
  type        = string
  default     = null
  validation {
    condition     = var.rotate_passwords == null || try(contains(["on", "off"], tostring(var.rotate_passwords)), false)
    error_message = "RotatePasswords: expected one of on, off."
  }
}

variable "deletion_protection" {
  description = "Whether Dagster's records and the load balancer refuse to be deleted until it is switched off."
  type        = string
  default     = null
  validation {
    condition     = var.deletion_protection == null || try(contains(["true", "false"], tostring(var.deletion_protection)), false)
    error_message = "DeletionProtection: expected one of true, false."
  }
}

variable "existing_vpc_id" {
  description = "A VPC to deploy into, with the endpoints or the routes that docs/deploy.md lists. Empty for a network of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_vpc_id == null || can(regex("^(?:(vpc-[0-9a-f]{8,17})?)$", var.existing_vpc_id))
    error_message = "ExistingVpcId: expected the id of a VPC, or nothing."
  }
}

variable "existing_vpc_cidr" {
  description = "Addresses of that VPC."
  type        = string
  default     = null
  validation {
    condition     = var.existing_vpc_cidr == null || can(regex("^(?:((\\d{1,3}\\.){3}\\d{1,3}/([89]|[12]\\d|3[0-2]))?)$", var.existing_vpc_cidr))
    error_message = "ExistingVpcCidr: expected a network such as 10.20.0.0/16, or nothing."
  }
}

variable "existing_subnet_a" {
  description = "First private subnet of that VPC, each in a zone of its own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_subnet_a == null || can(regex("^(?:(subnet-[0-9a-f]{8,17})?)$", var.existing_subnet_a))
    error_message = "ExistingSubnetA: expected the id of a subnet, or nothing."
  }
}

variable "existing_subnet_b" {
  description = "Second private subnet of that VPC, each in a zone of its own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_subnet_b == null || can(regex("^(?:(subnet-[0-9a-f]{8,17})?)$", var.existing_subnet_b))
    error_message = "ExistingSubnetB: expected the id of a subnet, or nothing."
  }
}

variable "existing_subnet_c" {
  description = "Third private subnet of that VPC, each in a zone of its own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_subnet_c == null || can(regex("^(?:(subnet-[0-9a-f]{8,17})?)$", var.existing_subnet_c))
    error_message = "ExistingSubnetC: expected the id of a subnet, or nothing."
  }
}

variable "existing_load_balancer_security_group" {
  description = "With an existing VPC - a security group for the load balancer. Empty for one of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_load_balancer_security_group == null || can(regex("^(?:(sg-[0-9a-f]{8,17})?)$", var.existing_load_balancer_security_group))
    error_message = "ExistingLoadBalancerSecurityGroup: expected the id of a security group, or nothing."
  }
}

variable "existing_task_security_group" {
  description = "With an existing VPC - a security group for the tasks. Empty for one of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_task_security_group == null || can(regex("^(?:(sg-[0-9a-f]{8,17})?)$", var.existing_task_security_group))
    error_message = "ExistingTaskSecurityGroup: expected the id of a security group, or nothing."
  }
}

variable "existing_records_security_group" {
  description = "With an existing VPC - a security group for the PostgreSQL of Dagster's records. Empty for one of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_records_security_group == null || can(regex("^(?:(sg-[0-9a-f]{8,17})?)$", var.existing_records_security_group))
    error_message = "ExistingRecordsSecurityGroup: expected the id of a security group, or nothing."
  }
}

variable "existing_warehouse_security_group" {
  description = "With an existing VPC - a security group for the warehouse. Empty for one of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_warehouse_security_group == null || can(regex("^(?:(sg-[0-9a-f]{8,17})?)$", var.existing_warehouse_security_group))
    error_message = "ExistingWarehouseSecurityGroup: expected the id of a security group, or nothing."
  }
}

variable "existing_key_arn" {
  description = "A KMS key whose policy has the statements of docs/deploy.md. Empty for a key of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_key_arn == null || can(regex("^(?:(arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/[0-9a-f-]{36})?)$", var.existing_key_arn))
    error_message = "ExistingKeyArn: expected the ARN of a key, or nothing."
  }
}

variable "existing_raw_bucket" {
  description = "A bucket for the raw zone, versioned, with events to EventBridge. Empty for a bucket of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_raw_bucket == null || can(regex("^(?:([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?)$", var.existing_raw_bucket))
    error_message = "ExistingRawBucket: expected the name of a bucket, or nothing."
  }
}

variable "existing_processed_bucket" {
  description = "A bucket for the processed zone, versioned. Empty for a bucket of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_processed_bucket == null || can(regex("^(?:([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?)$", var.existing_processed_bucket))
    error_message = "ExistingProcessedBucket: expected the name of a bucket, or nothing."
  }
}

variable "existing_warehouse" {
  description = "A workgroup (Warehouse=serverless) or the identifier of a cluster, which has CopyRole attached. Empty for a warehouse of the stack's own."
  type        = string
  default     = null
  validation {
    condition     = var.existing_warehouse == null || can(regex("^(?:([a-z][a-z0-9-]{0,62})?)$", var.existing_warehouse))
    error_message = "ExistingWarehouse: expected the name of a workgroup or a cluster, or nothing."
  }
}

variable "existing_warehouse_host" {
  description = "Host name of that warehouse's endpoint."
  type        = string
  default     = null
  validation {
    condition     = var.existing_warehouse_host == null || can(regex("^(?:([a-z0-9.-]{4,255})?)$", var.existing_warehouse_host))
    error_message = "ExistingWarehouseHost: expected a host name, or nothing."
  }
}

variable "existing_warehouse_secret_arn" {
  description = "Secret with username and password of that warehouse's administrator."
  type        = string
  default     = null
  validation {
    condition     = var.existing_warehouse_secret_arn == null || can(regex("^(?:(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[A-Za-z0-9/_+=.@!-]+)?)$", var.existing_warehouse_secret_arn))
    error_message = "ExistingWarehouseSecretArn: expected the ARN of a secret, or nothing."
  }
}

variable "existing_workgroup_arn" {
  description = "ARN of that workgroup."
  type        = string
  default     = null
  validation {
    condition     = var.existing_workgroup_arn == null || can(regex("^(?:(arn:aws[a-z-]*:redshift-serverless:[a-z0-9-]+:\\d{12}:workgroup/[0-9a-f-]{36})?)$", var.existing_workgroup_arn))
    error_message = "ExistingWorkgroupArn: expected the ARN of a workgroup, or nothing."
  }
}

locals {
  given = {
    Entity                            = var.entity
    Currency                          = var.currency
    FiscalYearStartMonth              = var.fiscal_year_start_month
    BaselineScenario                  = var.baseline_scenario
    ActualsThrough                    = var.actuals_through
    EarliestDate                      = var.earliest_date
    LatestDate                        = var.latest_date
    ClosedPeriods                     = var.closed_periods
    Approvals                         = var.approvals
    CloseWorkingDay                   = var.close_working_day
    CloseHolidays                     = var.close_holidays
    RestatementAlertFrom              = var.restatement_alert_from
    MaterialityAmount                 = var.materiality_amount
    MaterialityPercent                = var.materiality_percent
    MaterialityByAccount              = var.materiality_by_account
    RetentionDays                     = var.retention_days
    RunRetentionDays                  = var.run_retention_days
    AutoRefresh                       = var.auto_refresh
    AlertRunFinished                  = var.alert_run_finished
    Warehouse                         = var.warehouse
    WarehouseBaseCapacity             = var.warehouse_base_capacity
    WarehouseMaxCapacity              = var.warehouse_max_capacity
    ClusterNodeType                   = var.cluster_node_type
    ClusterNodes                      = var.cluster_nodes
    DatabaseName                      = var.database_name
    SchemaName                        = var.schema_name
    StatementTimeoutSeconds           = var.statement_timeout_seconds
    QueryGroup                        = var.query_group
    Release                           = var.release
    AdditionalPythonModules           = var.additional_python_modules
    GlueVersion                       = var.glue_version
    GlueFromBytes                     = var.glue_from_bytes
    GlueWorkerType                    = var.glue_worker_type
    GlueWorkers                       = var.glue_workers
    GlueTimeoutMinutes                = var.glue_timeout_minutes
    GlueMetrics                       = var.glue_metrics
    RawCrawler                        = var.raw_crawler
    OpenTables                        = var.open_tables
    GovernedCatalog                   = var.governed_catalog
    Image                             = var.image
    CpuArchitecture                   = var.cpu_architecture
    RunSize                           = var.run_size
    RecordsInstanceClass              = var.records_instance_class
    RecordsStorage                    = var.records_storage
    RecordsInTwoZones                 = var.records_in_two_zones
    NetworkPrefix                     = var.network_prefix
    ZoneA                             = var.zone_a
    ZoneB                             = var.zone_b
    ZoneC                             = var.zone_c
    EndpointZones                     = var.endpoint_zones
    UiAllowedCidr                     = var.ui_allowed_cidr
    UiCertificateArn                  = var.ui_certificate_arn
    UiHostName                        = var.ui_host_name
    UiLoginIssuer                     = var.ui_login_issuer
    UiLoginAuthorizationUrl           = var.ui_login_authorization_url
    UiLoginTokenUrl                   = var.ui_login_token_url
    UiLoginUserInfoUrl                = var.ui_login_user_info_url
    UiLoginClientId                   = var.ui_login_client_id
    UiLoginSecretArn                  = var.ui_login_secret_arn
    UiLoginGatewayCidr                = var.ui_login_gateway_cidr
    BiAllowedCidr                     = var.bi_allowed_cidr
    AllowPortForwarding               = var.allow_port_forwarding
    QuickSightOwner                   = var.quick_sight_owner
    QuickSightReaders                 = var.quick_sight_readers
    QuickSightSecretArn               = var.quick_sight_secret_arn
    QuickSightPeriod                  = var.quick_sight_period
    AlertEmail                        = var.alert_email
    MetricsNamespace                  = var.metrics_namespace
    MoneyRejectedFrom                 = var.money_rejected_from
    FreshnessDays                     = var.freshness_days
    LogRetentionDays                  = var.log_retention_days
    PermissionsBoundaryArn            = var.permissions_boundary_arn
    ObjectLockDays                    = var.object_lock_days
    ObjectLockMode                    = var.object_lock_mode
    RegisterLockDays                  = var.register_lock_days
    RotatePasswords                   = var.rotate_passwords
    DeletionProtection                = var.deletion_protection
    ExistingVpcId                     = var.existing_vpc_id
    ExistingVpcCidr                   = var.existing_vpc_cidr
    ExistingSubnetA                   = var.existing_subnet_a
    ExistingSubnetB                   = var.existing_subnet_b
    ExistingSubnetC                   = var.existing_subnet_c
    ExistingLoadBalancerSecurityGroup = var.existing_load_balancer_security_group
    ExistingTaskSecurityGroup         = var.existing_task_security_group
    ExistingRecordsSecurityGroup      = var.existing_records_security_group
    ExistingWarehouseSecurityGroup    = var.existing_warehouse_security_group
    ExistingKeyArn                    = var.existing_key_arn
    ExistingRawBucket                 = var.existing_raw_bucket
    ExistingProcessedBucket           = var.existing_processed_bucket
    ExistingWarehouse                 = var.existing_warehouse
    ExistingWarehouseHost             = var.existing_warehouse_host
    ExistingWarehouseSecretArn        = var.existing_warehouse_secret_arn
    ExistingWorkgroupArn              = var.existing_workgroup_arn
  }
}
