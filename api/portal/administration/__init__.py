"""管理: people, organizations and the hub's health, for administrators; 审计 for auditors; everybody's own account."""
