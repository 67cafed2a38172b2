"""What a run leaves on disk: map layers, tables, pictures and a record."""

from oddspec.products.record import as_json, write_record
from oddspec.products.write import Products, write_products

__all__ = ["Products", "as_json", "write_products", "write_record"]
