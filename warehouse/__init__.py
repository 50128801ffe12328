"""The ground floor: contracts, configuration, storage, disclosure. Imports none of the other packages."""
