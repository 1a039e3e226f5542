-- Grain: BusinessUnitAccess one user and business unit that the user may see; DepartmentUnit one department.
--
-- People maintain BusinessUnitAccess. Every load copies DimDepartment to DepartmentUnit in its own transaction: a
-- policy may not read a table that has row-level security itself, as DimDepartment has.

CREATE TABLE IF NOT EXISTS BusinessUnitAccess (
    UserName     VARCHAR(128) NOT NULL,
    BusinessUnit VARCHAR(256) NOT NULL,
    PRIMARY KEY (UserName, BusinessUnit)
)
DISTSTYLE ALL
SORTKEY (UserName);

CREATE TABLE IF NOT EXISTS DepartmentUnit (
    DepartmentKey BIGINT       NOT NULL,
    BusinessUnit  VARCHAR(256) NOT NULL,
    PRIMARY KEY (DepartmentKey)
)
DISTSTYLE ALL
SORTKEY (DepartmentKey);
