variable "name" {
  description = "Short name in every resource's name; lower case letters and digits."
  type        = string
  default     = "recsys"
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.name))
    error_message = "Three to twelve lower case letters and digits, a letter first."
  }
}

variable "region" {
  description = "Azure region of everything."
  type        = string
  default     = "eastus"
}

variable "size" {
  description = "small for trying out, medium for production; the storage account keeps the first size's redundancy."
  type        = string
  default     = "small"
  validation {
    condition     = contains(["small", "medium"], var.size)
    error_message = "size is small or medium."
  }
}

variable "budget" {
  description = "Monthly budget in the subscription's currency; people are told at 80 and 100 %."
  type        = number
  default     = 600
}

variable "budget_start" {
  description = "First day of the budget, the first of a month: YYYY-MM-01."
  type        = string
}

variable "contacts" {
  description = "E-mail addresses that are told about the budget."
  type        = list(string)
}

variable "kubernetes_subject" {
  description = "Namespace and service account of Dagster's pods."
  type        = string
  default     = "system:serviceaccount:recsys:recsys"
}

variable "with_synapse" {
  description = "Whether to make a Synapse workspace with a dedicated pool; it costs while it runs."
  type        = bool
  default     = false
}

variable "allowed_addresses" {
  description = "Public address ranges that may reach the API of Kubernetes; empty: all, logins are asked for."
  type        = list(string)
  default     = []
}
