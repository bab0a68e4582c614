locals {
  label = "${var.name}${random_string.suffix.result}"
  sizes = {
    small = {
      node          = "Standard_D4ds_v5"
      nodes         = 1
      nodes_at_most = 3
      database      = "B_Standard_B1ms"
      throughput    = 1000
      redundancy    = "LRS"
    }
    medium = {
      node          = "Standard_D8ds_v5"
      nodes         = 2
      nodes_at_most = 6
      database      = "GP_Standard_D2ds_v5"
      throughput    = 4000
      redundancy    = "ZRS"
    }
  }
  chosen = local.sizes[var.size]
  tags   = { project = "recsys_assets", size = var.size }
}

resource "random_string" "suffix" {
  length  = 5
  upper   = false
  special = false
}

resource "azurerm_resource_group" "all" {
  name     = "rg-${var.name}"
  location = var.region
  tags     = local.tags
}

resource "azurerm_log_analytics_workspace" "logs" {
  name                = "log-${local.label}"
  resource_group_name = azurerm_resource_group.all.name
  location            = azurerm_resource_group.all.location
  retention_in_days   = 30
  tags                = local.tags
}

resource "azurerm_consumption_budget_resource_group" "month" {
  name              = "budget-${var.name}"
  resource_group_id = azurerm_resource_group.all.id
  amount            = var.budget
  time_grain        = "Monthly"

  time_period {
    start_date = "${var.budget_start}T00:00:00Z"
  }

  dynamic "notification" {
    for_each = [80, 100]
    content {
      enabled        = true
      threshold      = notification.value
      operator       = "GreaterThanOrEqualTo"
      threshold_type = "Actual"
      contact_emails = var.contacts
    }
  }
}
