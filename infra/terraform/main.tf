# The platform's stack; docs/deploy.md says what comes before and after it.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "stack_name" {
  description = "Name of the stack, and the beginning of every name in it."
  type        = string
  validation {
    condition     = can(regex("^(?:[a-z][a-z0-9-]{1,18}[a-z0-9])$", var.stack_name))
    error_message = "Expected 3 to 20 small letters, digits and hyphens, beginning with a letter."
  }
}

variable "template_url" {
  description = "Address of the same release's infra/cloudformation_template.yaml in a bucket."
  type        = string
}

variable "service_role_arn" {
  description = "Role that CloudFormation works with (infra/deploy_role.yaml); null for the caller's rights."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the stack, which CloudFormation gives to every resource that can have tags."
  type        = map(string)
  default     = {}
}

locals {
  # A variable that is null is left out, so the template's default holds.
  parameters = { for name, value in local.given : name => tostring(value) if value != null }
}

resource "aws_cloudformation_stack" "this" {
  name         = var.stack_name
  template_url = var.template_url
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
  iam_role_arn = var.service_role_arn
  parameters   = local.parameters
  tags         = var.tags

  # The default is half an hour; a creation that goes on would then be marked for replacement.
  timeouts {
    create = "3h"
    update = "3h"
  }

  lifecycle {
    # The stack has the books' buckets, key and warehouse. Remove this by hand to tear it down.
    prevent_destroy = true
  }
}
