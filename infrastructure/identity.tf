# One identity for Dagster's pods, one for what Databricks' clusters do; each may do what it needs.
resource "azurerm_user_assigned_identity" "dagster" {
  name                = "id-${var.name}-dagster"
  resource_group_name = azurerm_resource_group.all.name
  location            = azurerm_resource_group.all.location
}

resource "azurerm_federated_identity_credential" "dagster" {
  name                = "kubernetes"
  resource_group_name = azurerm_resource_group.all.name
  parent_id           = azurerm_user_assigned_identity.dagster.id
  issuer              = azurerm_kubernetes_cluster.dagster.oidc_issuer_url
  subject             = var.kubernetes_subject
  audience            = ["api://AzureADTokenExchange"]
}

# Databricks reaches the lake through this connector, as a storage credential of Unity Catalog.
resource "azurerm_databricks_access_connector" "lake" {
  name                = "dbc-${local.label}"
  resource_group_name = azurerm_resource_group.all.name
  location            = azurerm_resource_group.all.location
  tags                = local.tags

  identity {
    type = "SystemAssigned"
  }
}

locals {
  connector = azurerm_databricks_access_connector.lake.identity[0].principal_id
  dagster   = azurerm_user_assigned_identity.dagster.principal_id
  roles = {
    dagster_files = { who = local.dagster, role = "Storage Blob Data Contributor", on = azurerm_storage_account.lake.id }
    dagster_vault = { who = local.dagster, role = "Key Vault Secrets User", on = azurerm_key_vault.secrets.id }
    cluster_files = { who = local.connector, role = "Storage Blob Data Contributor", on = azurerm_storage_account.lake.id }
    kubelet_pulls = { who = azurerm_kubernetes_cluster.dagster.kubelet_identity[0].object_id, role = "AcrPull", on = azurerm_container_registry.images.id }
    me_kubernetes = { who = data.azurerm_client_config.me.object_id, role = "Azure Kubernetes Service RBAC Cluster Admin", on = azurerm_kubernetes_cluster.dagster.id }
    me_secrets    = { who = data.azurerm_client_config.me.object_id, role = "Key Vault Secrets Officer", on = azurerm_key_vault.secrets.id }
  }
}

resource "azurerm_role_assignment" "each" {
  for_each             = local.roles
  scope                = each.value.on
  role_definition_name = each.value.role
  principal_id         = each.value.who
}

# Cosmos DB has roles of its own for data; this one reads and writes documents, nothing else.
resource "azurerm_cosmosdb_sql_role_assignment" "dagster" {
  resource_group_name = azurerm_resource_group.all.name
  account_name        = azurerm_cosmosdb_account.lookup.name
  role_definition_id  = "${azurerm_cosmosdb_account.lookup.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
  principal_id        = local.dagster
  scope               = azurerm_cosmosdb_account.lookup.id
}
