-- Never executed by this project: review it before it runs.
-- Publishes version v1 of top_k; run it again and nothing changes.
SET XACT_ABORT ON;

IF SCHEMA_ID('recsys') IS NULL EXEC('CREATE SCHEMA recsys');
IF OBJECT_ID('recsys.publications') IS NULL
    CREATE TABLE recsys.publications (
        [name] NVARCHAR(128) NOT NULL, [version] NVARCHAR(128) NOT NULL,
        published DATETIME2 NOT NULL
    ) WITH (DISTRIBUTION = REPLICATE, HEAP);
IF OBJECT_ID('recsys.top_k') IS NULL
    CREATE TABLE recsys.top_k (
    [user] INT NULL,
    [score] REAL NULL,
    [reason] NVARCHAR(1000) NULL,
    [version] BIGINT NULL
    ) WITH (DISTRIBUTION = HASH([user]), CLUSTERED COLUMNSTORE INDEX);
IF OBJECT_ID('recsys.top_k_staging') IS NOT NULL DROP TABLE recsys.top_k_staging;
CREATE TABLE recsys.top_k_staging (
    [user] INT NULL,
    [score] REAL NULL,
    [reason] NVARCHAR(1000) NULL,
    [version] BIGINT NULL
) WITH (DISTRIBUTION = HASH([user]), HEAP);

COPY INTO recsys.top_k_staging ([user], [score], [reason], [version])
FROM
    'https://recsys.dfs.core.windows.net/lake/top_k/part-0.parquet'
WITH (FILE_TYPE = 'PARQUET', CREDENTIAL = (IDENTITY = 'Managed Identity'), MAXERRORS = 0);

IF NOT EXISTS (
    SELECT 1 FROM recsys.publications WHERE [name] = 'top_k' AND [version] = 'v1'
)
BEGIN
    BEGIN TRANSACTION;
    DELETE FROM recsys.top_k;
    INSERT INTO recsys.top_k ([user], [score], [reason], [version]) SELECT [user], [score], [reason], [version] FROM recsys.top_k_staging;
    DELETE FROM recsys.publications WHERE [name] = 'top_k';
    INSERT INTO recsys.publications SELECT 'top_k', 'v1', SYSUTCDATETIME();
    COMMIT TRANSACTION;
END;

DROP TABLE recsys.top_k_staging;
