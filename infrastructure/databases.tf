# Dagster's runs, events and schedules, and the warehouse's schema.
resource "random_password" "database" {
  length  = 40
  special = false
}

resource "azurerm_postgresql_flexible_server" "dagster" {
  name                   = "psql-${local.label}"
  resource_group_name    = azurerm_resource_group.all.name
  location               = azurerm_resource_group.all.location
  version                = "16"
  sku_name               = local.chosen.database
  storage_mb             = 32768
  administrator_login    = "dagster"
  administrator_password = random_password.database.result
  backup_retention_days  = 14
  tags                   = local.tags

  lifecycle {
    ignore_changes = [zone]
  }
}

resource "azurerm_postgresql_flexible_server_database" "each" {
  for_each  = toset(["dagster", "warehouse"])
  name      = each.value
  server_id = azurerm_postgresql_flexible_server.dagster.id
}

resource "azurerm_postgresql_flexible_server_firewall_rule" "azure" {
  name             = "azure-services"
  server_id        = azurerm_postgresql_flexible_server.dagster.id
  start_ip_address = "0.0.0.0"
  end_ip_address   = "0.0.0.0"
}

resource "azurerm_key_vault_secret" "database" {
  name         = "postgresql-password"
  value        = random_password.database.result
  key_vault_id = azurerm_key_vault.secrets.id
  depends_on   = [azurerm_role_assignment.each]
}

resource "azurerm_key_vault_secret" "warehouse" {
  name         = "warehouse-url"
  value        = "postgresql://dagster:${random_password.database.result}@${azurerm_postgresql_flexible_server.dagster.fqdn}/warehouse?sslmode=require"
  key_vault_id = azurerm_key_vault.secrets.id
  depends_on   = [azurerm_role_assignment.each]
}

# Lists by user: a partition per user, documents that expire, point reads only.
resource "azurerm_cosmosdb_account" "lookup" {
  name                         = "cosmos-${local.label}"
  resource_group_name          = azurerm_resource_group.all.name
  location                     = azurerm_resource_group.all.location
  offer_type                   = "Standard"
  local_authentication_enabled = false
  minimal_tls_version          = "Tls12"
  tags                         = local.tags

  consistency_policy {
    consistency_level = "Session"
  }

  geo_location {
    location          = azurerm_resource_group.all.location
    failover_priority = 0
  }
}

resource "azurerm_cosmosdb_sql_database" "lookup" {
  name                = "recsys"
  resource_group_name = azurerm_resource_group.all.name
  account_name        = azurerm_cosmosdb_account.lookup.name
}

resource "azurerm_cosmosdb_sql_container" "lists" {
  name                = "lists"
  resource_group_name = azurerm_resource_group.all.name
  account_name        = azurerm_cosmosdb_account.lookup.name
  database_name       = azurerm_cosmosdb_sql_database.lookup.name
  partition_key_paths = ["/user"]
  default_ttl         = -1

  autoscale_settings {
    max_throughput = local.chosen.throughput
  }

  indexing_policy {
    indexing_mode = "consistent"
    excluded_path {
      path = "/*"
    }
  }
}

resource "azurerm_storage_container" "synapse" {
  count                 = var.with_synapse ? 1 : 0
  name                  = "synapse"
  storage_account_id    = azurerm_storage_account.lake.id
  container_access_type = "private"
}

resource "azurerm_synapse_workspace" "warehouse" {
  count                                = var.with_synapse ? 1 : 0
  name                                 = "syn-${local.label}"
  resource_group_name                  = azurerm_resource_group.all.name
  location                             = azurerm_resource_group.all.location
  storage_data_lake_gen2_filesystem_id = "${azurerm_storage_account.lake.primary_dfs_endpoint}${azurerm_storage_container.synapse[0].name}"
  azuread_authentication_only          = true
  tags                                 = local.tags

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_synapse_sql_pool" "warehouse" {
  count                = var.with_synapse ? 1 : 0
  name                 = "recsys"
  synapse_workspace_id = azurerm_synapse_workspace.warehouse[0].id
  sku_name             = "DW100c"
  create_mode          = "Default"
  storage_account_type = "LRS"
  # On by default, and refused with LRS.
  geo_backup_policy_enabled = false
}

resource "azurerm_role_assignment" "synapse_reads" {
  count                = var.with_synapse ? 1 : 0
  scope                = azurerm_storage_account.lake.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_synapse_workspace.warehouse[0].identity[0].principal_id
}
