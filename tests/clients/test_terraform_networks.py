"""Terraform makes a VPC with public and private subnets, as most configurations begin, and takes it away again."""

from pathlib import Path

import pytest
from tests.clients.terraform import Terraform
from tests.running_server import RunningServer

CONFIGURATION = """
data "aws_availability_zones" "available" {
  state = "available"
}
resource "aws_vpc" "main" {
  cidr_block           = "10.42.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = "main-${var.stage}" }
}
resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}
resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = "10.42.0.0/24"
  availability_zone       = data.aws_availability_zones.available.names[0]
  map_public_ip_on_launch = true
}
resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet("10.42.128.0/17", 7, count.index)
  availability_zone = data.aws_availability_zones.available.names[count.index]
}
resource "aws_eip" "nat" {
  domain = "vpc"
}
resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public.id
  depends_on    = [aws_internet_gateway.main]
}
resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }
}
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
}
resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main.id
}
resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}
resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}
resource "aws_security_group" "application" {
  name   = "application"
  vpc_id = aws_vpc.main.id
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group" "database" {
  name        = "database"
  description = "PostgreSQL, for the application only"
  vpc_id      = aws_vpc.main.id
  ingress {
    from_port       = 5432
    to_port         = var.stage == "first" ? 5432 : 5433
    protocol        = "tcp"
    security_groups = [aws_security_group.application.id]
  }
}
resource "aws_vpc_security_group_ingress_rule" "itself" {
  security_group_id            = aws_security_group.application.id
  referenced_security_group_id = aws_security_group.application.id
  ip_protocol                  = "tcp"
  from_port                    = 8000
  to_port                      = 8080
}
resource "aws_network_interface" "spare" {
  subnet_id       = aws_subnet.private[0].id
  private_ips     = ["10.42.128.100"]
  security_groups = [aws_security_group.database.id]
}
"""


@pytest.mark.slow
def test_a_vpc_is_made_changed_and_taken_away(server: RunningServer, tmp_path: Path) -> None:
    terraform = Terraform(server, tmp_path, CONFIGURATION)
    terraform.apply("first")
    ec2 = server.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["main-first"]}])["Vpcs"]
    within = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    assert len(ec2.describe_subnets(Filters=within)["Subnets"]) == 3
    terraform.apply("second")
    groups = ec2.describe_security_groups(Filters=[*within, {"Name": "group-name", "Values": ["database"]}])
    assert groups["SecurityGroups"][0]["IpPermissions"][0]["ToPort"] == 5433
    terraform.destroy()
    assert ec2.describe_vpcs(Filters=within)["Vpcs"] == []
