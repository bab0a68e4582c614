"""Which deployment this is, as the environment says; the service's image alone reads it itself.

    RECSYS_DEPLOYMENT    local (default): schedules and sensors start switched off;
                         production: they start switched on;
                         azure: the same, and landed files and tables lie in Azure
    RECSYS_AZURE_STORAGE_ACCOUNT   the storage account of RECSYS_DEPLOYMENT=azure, with containers
                         landing, rejected and lake
    RECSYS_HOME          folder of all state; default .recsys/ in the project
    RECSYS_PRICES        table of prices, instead of the packaged one
    RECSYS_MLFLOW_URI    where models are registered, for this process and for clusters: https://…,
                         azureml://…, databricks (the default where steps run there), or
                         databricks-uc/CATALOG.SCHEMA; a database file in RECSYS_HOME without it
    RECSYS_SPARK_MASTER, RECSYS_SPARK_MEMORY   where Spark runs, and the JVM's memory
    RECSYS_SPARK_CONF    file of further settings of Spark's, in the form of spark-defaults.conf
    RECSYS_DATABRICKS_HOST   address of a Databricks workspace: steps run there instead. Also
                         _TOKEN (``identity``: by that of this process), _VOLUME (folder of a Unity
                         Catalog volume, through which steps report), _WHEEL (the project's wheel
                         there; made and uploaded without it); _HOME (folder of lake and
                         landing zone as clusters see it; default RECSYS_HOME), _NODE_TYPE,
                         _SPARK_VERSION, _MIN_WORKERS, _MAX_WORKERS, _TIMEOUT (seconds a step
                         may take)
    RECSYS_SERVE_ISSUERS whose tokens the service takes, by comma; none are asked for without it.
                         Also _AUDIENCES (by comma), _JWKS_URL, _ORIGINS (sites whose pages may
                         ask, by comma), _RATE and _BURST (requests of one caller), _BUNDLES and
                         _FEEDBACK (folders of the service alone, where they do not lie in
                         RECSYS_HOME, in which runs write bundles and look for feedback)
    RECSYS_LOOKUP        where lists are looked up: sqlite (default), cosmos, tables. Also _URL, and
                         _KEY (a connection string for tables; without it by identity)
    RECSYS_WAREHOUSE_URL postgresql://…, where published tables go; a DuckDB file without it
    RECSYS_UI_URL        address of the Dagster UI, for links in alerts
    RECSYS_RUNBOOK_URL   address of the runbook, for links in alerts
    RECSYS_SMTP_HOST     mail server; no mail without it. Also _PORT, _SECURITY (starttls, ssl,
                         plain), _USERNAME, _PASSWORD, _CA_FILE, _SENDER, _RECIPIENTS (by comma)
    RECSYS_WEBHOOK_URL   address that alerts are posted to as JSON. Also _TOKEN
    RECSYS_TEAMS_URL     workflow of a Teams channel that takes webhook requests
    RECSYS_SLACK_URL     incoming webhook of a Slack channel
    RECSYS_PAGERDUTY_KEY integration key (Events v2). Also RECSYS_PAGERDUTY_URL
    RECSYS_ALERT_ROUTES  JSON list of routes: who is told of what (resources/alerts/routing.py)
    RECSYS_CHAMPION_DAYS days after which a champion that nothing replaced is told of; default 30
    RECSYS_SETTLED_SECONDS  seconds for which no file of a drop may have changed before the landing
                         sensor runs it; default 30
    RECSYS_PUBLIC_URL    address of the web app that answers /unsubscribe, for links in digests
    RECSYS_DIGEST_SENDER sender of digests
    RECSYS_UNSUBSCRIBE_KEY  signs the links by which users unsubscribe; no digest is sent without
                         it, the two before and a mail server

    RECSYS_AZURE_KEY_VAULT   address of a vault, https://….vault.azure.net

Passwords, tokens and webhook addresses are not read here: their names are handed on, and the
process that sends an alert looks them up. Each may hold ``env:NAME``, the name of another variable,
or ``keyvault:NAME``, the name of a secret of the vault.
"""

from recsys_assets.deployment.description import Deployment
from recsys_assets.deployment.errors import DeploymentError, naming_variables
from recsys_assets.deployment.process import enter, shares_dagster, spare_cores
from recsys_assets.deployment.secrets import secrets
from recsys_assets.deployment.variables import current_deployment

__all__ = [
    "Deployment",
    "DeploymentError",
    "current_deployment",
    "enter",
    "naming_variables",
    "secrets",
    "shares_dagster",
    "spare_cores",
]
