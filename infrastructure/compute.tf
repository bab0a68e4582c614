resource "azurerm_databricks_workspace" "spark" {
  name                = "dbw-${local.label}"
  resource_group_name = azurerm_resource_group.all.name
  location            = azurerm_resource_group.all.location
  sku                 = "premium" # Unity Catalog and its volumes ask for it
  tags                = local.tags
}

resource "azurerm_container_registry" "images" {
  name                = "cr${local.label}"
  resource_group_name = azurerm_resource_group.all.name
  location            = azurerm_resource_group.all.location
  sku                 = "Basic"
  admin_enabled       = false
  tags                = local.tags
}

resource "azurerm_kubernetes_cluster" "dagster" {
  name                      = "aks-${local.label}"
  resource_group_name       = azurerm_resource_group.all.name
  location                  = azurerm_resource_group.all.location
  dns_prefix                = local.label
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
  local_account_disabled    = true
  tags                      = local.tags

  default_node_pool {
    name                 = "system"
    vm_size              = local.chosen.node
    auto_scaling_enabled = true
    min_count            = local.chosen.nodes
    max_count            = local.chosen.nodes_at_most
    # Where pods go while the pool gets machines of another size.
    temporary_name_for_rotation = "rotation"
  }

  identity {
    type = "SystemAssigned"
  }

  # Without one that enforces them, the network policies of docker/serving/kubernetes are but text.
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
  }

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
    tenant_id          = data.azurerm_client_config.me.tenant_id
  }

  dynamic "api_server_access_profile" {
    for_each = length(var.allowed_addresses) > 0 ? [1] : []
    content {
      authorized_ip_ranges = var.allowed_addresses
    }
  }

  oms_agent {
    log_analytics_workspace_id = azurerm_log_analytics_workspace.logs.id
  }
}
