# Landed files, rejected ones and tables, a container each: abfss://<container>@<account>.dfs...
resource "azurerm_storage_account" "lake" {
  name                            = "st${local.label}"
  resource_group_name             = azurerm_resource_group.all.name
  location                        = azurerm_resource_group.all.location
  account_tier                    = "Standard"
  account_replication_type        = local.chosen.redundancy
  account_kind                    = "StorageV2"
  is_hns_enabled                  = true
  min_tls_version                 = "TLS1_2"
  shared_access_key_enabled       = false
  allow_nested_items_to_be_public = false
  tags                            = local.tags

  blob_properties {
    delete_retention_policy {
      days = 14
    }
    container_delete_retention_policy {
      days = 14
    }
  }

  lifecycle {
    # Of another redundancy the provider makes another account, and deletes this one with the lake.
    ignore_changes = [account_replication_type]
  }
}

resource "azurerm_storage_container" "parts" {
  for_each              = toset(["landing", "rejected", "lake", "dagster"])
  name                  = each.value
  storage_account_id    = azurerm_storage_account.lake.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "ages" {
  storage_account_id = azurerm_storage_account.lake.id

  rule {
    name    = "logs-go"
    enabled = true
    filters {
      prefix_match = ["dagster/compute-logs"]
      blob_types   = ["blockBlob"]
    }
    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = 90
      }
    }
  }

  rule {
    name    = "landed-files-cool"
    enabled = true
    filters {
      prefix_match = ["landing/"]
      blob_types   = ["blockBlob"]
    }
    actions {
      base_blob {
        tier_to_cool_after_days_since_modification_greater_than = 30
      }
    }
  }
}

resource "azurerm_key_vault" "secrets" {
  name                       = "kv-${local.label}"
  resource_group_name        = azurerm_resource_group.all.name
  location                   = azurerm_resource_group.all.location
  tenant_id                  = data.azurerm_client_config.me.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 30
  tags                       = local.tags
}
