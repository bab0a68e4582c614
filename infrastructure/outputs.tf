# What the settings of the platform ask for; docs/azure.md says where each goes.
output "settings" {
  description = "Environment of the code location."
  value = {
    RECSYS_DEPLOYMENT            = "azure"
    RECSYS_AZURE_STORAGE_ACCOUNT = azurerm_storage_account.lake.name
    RECSYS_AZURE_KEY_VAULT       = azurerm_key_vault.secrets.vault_uri
    RECSYS_DATABRICKS_HOST       = "https://${azurerm_databricks_workspace.spark.workspace_url}"
    RECSYS_DATABRICKS_VOLUME     = "/Volumes/recsys/platform/pipes" # made by hand: docs/azure.md
    RECSYS_LOOKUP                = "cosmos"
    RECSYS_LOOKUP_URL            = azurerm_cosmosdb_account.lookup.endpoint
    RECSYS_WAREHOUSE_URL         = "keyvault:${azurerm_key_vault_secret.warehouse.name}"
  }
}

output "kubernetes" {
  description = "What `az aks get-credentials` asks for."
  value       = "--resource-group ${azurerm_resource_group.all.name} --name ${azurerm_kubernetes_cluster.dagster.name}"
}

output "identity_of_dagster" {
  description = "Client id for the annotation of the service account in the chart's values."
  value       = azurerm_user_assigned_identity.dagster.client_id
}

output "registry" {
  description = "Where images are pushed."
  value       = azurerm_container_registry.images.login_server
}

output "database" {
  description = "Host of PostgreSQL; its password is the vault's secret postgresql-password."
  value       = azurerm_postgresql_flexible_server.dagster.fqdn
}

output "access_connector" {
  description = "For the storage credential of Unity Catalog."
  value       = azurerm_databricks_access_connector.lake.id
}
