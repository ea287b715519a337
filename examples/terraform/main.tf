# An orders API on an RDS or Aurora PostgreSQL that is there, with IAM in place of a password.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws     = { source = "hashicorp/aws", version = "~> 6.0" }
    archive = { source = "hashicorp/archive", version = "~> 2.7" }
  }
}

variable "database_host" {
  description = "The endpoint that AWS gave, no alias of it: it is signed"
  type        = string
}

variable "database_name" {
  type    = string
  default = "orders"
}

variable "database_user" {
  description = "A role that has been granted rds_iam"
  type        = string
  default     = "orders_app"
}

variable "database_resource_id" {
  description = "cluster-… of Aurora, db-… of an instance, prx-… of a proxy"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets that lead to the database"
  type        = list(string)
}

variable "security_group_ids" {
  description = "Groups that the database lets in"
  type        = list(string)
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# What `npm run build` made.
data "archive_file" "orders" {
  type        = "zip"
  source_dir  = "${path.module}/dist"
  output_path = "${path.module}/orders.zip"
}

resource "aws_lambda_function" "orders" {
  function_name    = "orders"
  filename         = data.archive_file.orders.output_path
  source_code_hash = data.archive_file.orders.output_base64sha256
  handler          = "orders.handler"
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  memory_size      = 256
  timeout          = 10
  role             = aws_iam_role.orders.arn

  # With PG_THAW_MAX the budget: 20 environments, one session each.
  reserved_concurrent_executions = 20

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  environment {
    variables = {
      DB_HOST      = var.database_host
      DB_NAME      = var.database_name
      DB_USER      = var.database_user
      PG_THAW_MAX  = "1"
      NODE_OPTIONS = "--import=/var/task/goodbye.mjs --enable-source-maps"
    }
  }
}

resource "aws_lambda_function_url" "orders" {
  function_name      = aws_lambda_function.orders.function_name
  authorization_type = "AWS_IAM"
}

resource "aws_iam_role" "orders" {
  name = "orders"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "network" {
  role       = aws_iam_role.orders.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
}

resource "aws_iam_role_policy" "database" {
  name = "database"
  role = aws_iam_role.orders.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = "rds-db:connect"
      Resource = join(":", [
        "arn", data.aws_partition.current.partition, "rds-db", data.aws_region.current.region,
        data.aws_caller_identity.current.account_id, "dbuser", "${var.database_resource_id}/${var.database_user}",
      ])
    }]
  })
}

output "url" {
  value = aws_lambda_function_url.orders.function_url
}
